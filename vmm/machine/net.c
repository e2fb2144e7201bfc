/* The virtual Ethernet: a switch inside CP that the network cards of all machines are plugged into. */
/* Part: machine/; learns where addresses are, as any switch does; what it has forgotten it floods. */
#include "vmm/machine/net.h"

#include "lib/errno.h"
#include "lib/string.h"

static struct net common;

struct net *net_common(void)
{
	return &common;
}

int net_plug(struct net *net, struct net_port *port)
{
	for (uint32_t i = 0; i < NET_PORTS; i++) {
		if (net->ports[i] != NULL)
			continue;
		net->ports[i] = port;
		port->net = net;
		port->number = i;
		return 0;
	}
	return -ENOSPC;
}

void net_unplug(struct net_port *port)
{
	struct net *net = port->net;

	if (net == NULL)
		return;
	for (uint32_t i = 0; i < NET_ADDRESSES; i++)
		if (net->learnt[i].port == port->number)
			net->learnt[i].used = false;
	net->ports[port->number] = NULL;
	port->net = NULL;
}

/* Addresses that fall on the same place push each other out, which costs flooding and nothing else. */
static uint32_t place_of(const uint8_t *mac)
{
	uint32_t hash = 2166136261u;

	for (unsigned int i = 0; i < NET_MAC; i++)
		hash = (hash ^ mac[i]) * 16777619u;
	return (hash ^ hash >> 16) % NET_ADDRESSES;
}

static void learn(struct net *net, const uint8_t *mac, uint32_t port)
{
	uint32_t i = place_of(mac);

	if (mac[0] & 1)
		return;		/* nobody is a group */
	memcpy(net->learnt[i].mac, mac, NET_MAC);
	net->learnt[i].port = (uint8_t)port;
	net->learnt[i].used = true;
}

static void give(struct net_port *to, const uint8_t *frame, size_t length)
{
	if (to->receive(to, frame, length))
		to->received++;
	else
		to->lost++;
}

uint32_t net_send(struct net_port *port, const uint8_t *frame, size_t length)
{
	struct net *net = port->net;
	uint32_t i, shown = 0;

	if (net == NULL || length < NET_FRAME_MIN || length > NET_FRAME_MAX)
		return 0;
	port->sent++;
	learn(net, frame + NET_MAC, port->number);
	i = place_of(frame);
	if (!(frame[0] & 1) && net->learnt[i].used && memcmp(net->learnt[i].mac, frame, NET_MAC) == 0) {
		if (net->learnt[i].port == port->number || net->ports[net->learnt[i].port] == NULL)
			return 0;
		give(net->ports[net->learnt[i].port], frame, length);
		return 1;
	}
	for (i = 0; i < NET_PORTS; i++) {
		if (net->ports[i] == NULL || net->ports[i] == port)
			continue;
		give(net->ports[i], frame, length);
		shown++;
	}
	return shown;
}
