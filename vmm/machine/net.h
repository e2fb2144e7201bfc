/* The virtual Ethernet: a switch inside CP that the network cards of all machines are plugged into. */
/* Part: machine/; frames go straight from one card's storage to another's, nothing is queued here. */
#ifndef VMM_MACHINE_NET_H
#define VMM_MACHINE_NET_H

#include "lib/types.h"

#define NET_PORTS 256u
#define NET_ADDRESSES 256u	/* learnt; a power of two */
#define NET_MAC 6u
#define NET_FRAME_MIN 14u	/* a header without anything */
#define NET_FRAME_MAX 1518u	/* with a VLAN tag, without the check sequence */

/* Embedded in each card. */
struct net_port {
	/* A frame for this card, valid during the call. False = it had no room and the frame is lost. */
	bool (*receive)(struct net_port *port, const uint8_t *frame, size_t length);
	struct net *net;	/* NULL = unplugged */
	uint32_t number;
	uint64_t sent, received, lost;	/* frames; lost: came here without room */
};

struct net {
	struct net_port *ports[NET_PORTS];
	struct { uint8_t mac[NET_MAC]; uint8_t port; bool used; } learnt[NET_ADDRESSES];
};

/* The one segment that directory entries plug cards into. */
struct net *net_common(void);

/* 0, or -ENOSPC when every port is taken. receive must be set. */
int net_plug(struct net *net, struct net_port *port);
void net_unplug(struct net_port *port);	/* at the latest at logoff; harmless when not plugged */
/*
 * A frame from this card: to the port where its destination was last heard, else to all others. Returns how many
 * cards it was shown to.
 */
uint32_t net_send(struct net_port *port, const uint8_t *frame, size_t length);

#endif
