/* Unit tests of the virtual Ethernet and of the virtio network card. */
/* Part: tests only. UNIT: vmm/devices/virtio_net.c vmm/devices/virtio.c vmm/devices/virtio_ring.c vmm/devices/virtio_pci.c */
/* UNIT: vmm/devices/vpci.c vmm/devices/vpci_config.c vmm/devices/vpci_msi.c vmm/devices/vpci_assign.c vmm/devices/vpiix.c */
/* UNIT: vmm/machine/net.c vmm/machine/bus.c lib/string.c lib/printf.c */
#include "tests/unit/virtio_fake.h"

#include "lib/errno.h"
#include "vmm/devices/virtio_net.h"

#define CARDS 3
#define BUFFERS 0x60000u	/* each card's to receive, 2 KiB a piece */
#define OUT 0xa0000u

static struct net lan;
static struct virtio_net card[CARDS];
static struct driver drv[CARDS];

static int setup(void **state)
{
	(void)state;
	machine_up();
	memset(&lan, 0, sizeof(lan));
	for (unsigned int i = 0; i < CARDS; i++)
		assert_int_equal(virtio_net_init(&card[i], &fake, &pci, (uint8_t)VPCI_DEVFN(4 + i, 0), &lan, i + 1), 0);
	return 0;
}

static void start(unsigned int i, uint64_t features)
{
	assert_true(driver_start(&drv[i], &card[i].t, features, true));
	driver_queue(&drv[i], 0, 16);
	driver_queue(&drv[i], 1, 16);
	driver_ready(&drv[i]);
}

static void give_buffers(unsigned int i, unsigned int count)
{
	while (count-- > 0) {
		unsigned int n = drv[i].q[0].next_avail % 8;
		struct part part = { BUFFERS + 0x4000 * i + 0x800 * n, 1530, true };

		driver_do(&drv[i], 0, &part, 1);
	}
}

static void put_frame(const uint8_t *to, const uint8_t *from, size_t length)
{
	memset(fake.memory + OUT, 0, 12);
	for (size_t n = 0; n < length; n++)
		fake.memory[OUT + 12 + n] = (uint8_t)(n * 3);
	memcpy(fake.memory + OUT + 12, to, 6);
	memcpy(fake.memory + OUT + 18, from, 6);
}

/* One frame, header and frame cut at `cut` into two segments (0 = one). Waits for its being used. */
static void send(unsigned int i, const uint8_t *to, size_t length, uint32_t cut)
{
	struct part parts[2] = { { OUT, cut, false }, { OUT + cut, (uint32_t)(12 + length - cut), false } };
	uint32_t head, used;

	put_frame(to, card[i].config, length);
	driver_do(&drv[i], 1, cut ? parts : parts + 1, cut ? 2 : 1);
	run_service(&card[i].t.pci.dev, 10);
	assert_true(driver_get(&drv[i], 1, &head, &used));
}

/* Has card i received the frame that was sent last? */
static bool received(unsigned int i, size_t length)
{
	uint32_t head, used;
	uint64_t at;

	if (!driver_get(&drv[i], 0, &head, &used))
		return false;
	memcpy(&at, fake.memory + drv[i].q[0].desc + 16 * head, 8);
	assert_int_equal(used, length + 12);
	assert_int_equal(ram16(at + 10), 1);
	assert_memory_equal(fake.memory + at + 12, fake.memory + OUT + 12, length);
	return true;
}

static const uint8_t everybody[6] = { 255, 255, 255, 255, 255, 255 };

static void a_switch(void **state)
{
	(void)state;
	for (unsigned int i = 0; i < CARDS; i++) {
		start(i, UINT64_MAX);
		give_buffers(i, 8);
	}
	assert_int_equal(config_in(&card[0].t, 0, 4), 0x10411af4);
	assert_true(fake_read(drv[1].base + 0x2000, 8) == 0x0001020000005452u);	/* 52:54:00:00:00:02, up */
	send(0, everybody, 60, 0);
	assert_true(received(1, 60) && received(2, 60) && !received(0, 60));
	send(1, card[0].config, 1514, 12);	/* learnt from the first frame */
	assert_true(received(0, 1514) && !received(2, 1514));
	send(2, card[1].config, 200, 40);
	assert_true(received(1, 200) && !received(0, 200));
	send(0, (const uint8_t[]){ 2, 9, 9, 9, 9, 9 }, 100, 3);	/* nobody knows where: all */
	assert_true(received(1, 100) && received(2, 100));
	send(0, card[0].config, 100, 0);	/* to oneself: it does not come back */
	assert_false(received(0, 100) || received(1, 100) || received(2, 100));
	/* too short and too long: used, and lost */
	send(0, everybody, 13, 0);
	send(0, everybody, 1519, 0);
	assert_false(received(1, 13));
	assert_int_equal(driver_status(&drv[0]), 15);
	check_canaries();
}

static void no_buffer_no_frame(void **state)
{
	unsigned int msis;

	(void)state;
	start(0, UINT64_MAX);
	send(0, everybody, 60, 0);	/* the others have no driver yet */
	start(1, UINT64_MAX);
	assert_int_equal(drv[1].notifications, 0);
	msis = fake.msis;
	send(0, everybody, 60, 0);
	assert_false(received(1, 60));
	assert_int_equal(card[1].port.lost, 2);
	give_buffers(1, 8);
	assert_int_equal(drv[1].notifications, 0);	/* buffers to receive need no exit */
	msis = fake.msis;
	send(0, everybody, 60, 0);
	assert_true(received(1, 60));
	assert_int_equal(fake.msis, msis + 2);	/* sent, received */
	/* a buffer that is too small keeps its place */
	start(2, ~VIRTIO_F_EVENT_IDX);
	driver_do(&drv[2], 0, &(struct part){ BUFFERS, 40, true }, 1);
	assert_true(drv[2].notifications <= 1);
	send(0, everybody, 60, 0);
	assert_false(received(2, 60));
	send(0, everybody, 14, 0);
	assert_true(received(2, 14));
	/* without bus mastering */
	give_buffers(1, 4);
	config_out(&card[1].t, 4, 2, 3);
	send(0, everybody, 60, 0);
	config_out(&card[1].t, 4, 2, 7);
	assert_int_equal(card[1].port.received, 3);
	assert_int_equal(card[1].port.lost, 3);
	virtio_net_fini(&card[1]);
	send(0, everybody, 60, 0);
	send(0, card[1].config, 60, 0);
	assert_int_equal(card[1].port.received + card[1].port.lost, 6);
	virtio_net_fini(&card[1]);
	check_canaries();
}

static bool count(struct net_port *port, const uint8_t *frame, size_t length)
{
	(void)frame;
	assert_in_range(length, NET_FRAME_MIN, NET_FRAME_MAX);
	return port->number % 2;
}

static void ports_come_and_go(void **state)
{
	static struct net_port port[NET_PORTS + 1];
	uint8_t frame[64] = { 0 };

	(void)state;
	memset(&lan, 0, sizeof(lan));
	for (unsigned int i = 0; i <= NET_PORTS; i++) {
		port[i].receive = count;
		assert_int_equal(net_plug(&lan, &port[i]), i < NET_PORTS ? 0 : -ENOSPC);
	}
	assert_int_equal(net_send(&port[NET_PORTS], frame, 64), 0);
	for (unsigned int i = 0; i < 300000; i++) {
		struct net_port *p = &port[fake_below(NET_PORTS)];

		if (fake_below(10) == 0)
			net_unplug(p);
		else if (p->net == NULL)
			net_plug(&lan, p);
		for (unsigned int n = 0; n < 12; n++)
			frame[n] = (uint8_t)fake_below(n % 6 ? 2 : 3);
		net_send(p, frame, fake_below(1600));
	}
}

static void state_goes_round(void **state)
{
	size_t size;
	void *bytes;

	(void)state;
	start(0, UINT64_MAX);
	start(1, UINT64_MAX);
	give_buffers(1, 8);
	bytes = fake_save(&card[1].t.pci.dev, &size);
	card[1].t.pci.dev.ops->reset(&card[1].t.pci.dev);
	send(0, everybody, 60, 0);
	assert_true(card[1].t.pci.dev.ops->restore(&card[1].t.pci.dev, bytes, size));
	free(bytes);
	send(0, everybody, 99, 0);
	assert_true(received(1, 99));
	fake_check_bad_restore(&card[1].t.pci.dev);
}

static void anything_may_be_written(void **state)
{
	(void)state;
	start(1, UINT64_MAX);
	give_buffers(1, 8);
	for (unsigned int i = 0; i < 300; i++) {
		for (unsigned int at = 0x40000; at < RAM; at++)
			fake.memory[at] = (uint8_t)(fake_seed >> at % 64 ^ at * i);
		driver_attack(&card[0].t, 2, UINT64_MAX, 20);
		start(1, UINT64_MAX);
		give_buffers(1, 8);
	}
	assert_true(card[0].port.sent > 1000 && card[1].port.received > 500);
	start(0, UINT64_MAX);
	start(1, UINT64_MAX);
	give_buffers(1, 1);
	send(0, everybody, 99, 0);
	assert_true(received(1, 99));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(a_switch, setup),
		cmocka_unit_test_setup(no_buffer_no_frame, setup),
		cmocka_unit_test_setup(ports_come_and_go, setup),
		cmocka_unit_test_setup(state_goes_round, setup),
		cmocka_unit_test_setup(anything_may_be_written, setup),
	};
	int failed = cmocka_run_group_tests(tests, NULL, NULL);

	free(ram_block);
	return failed;
}
