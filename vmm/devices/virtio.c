/* virtio 1.x devices without their transport: status, features, notification, interruption. */
/* Part: devices/; "Basic Facilities of a Virtio Device" of the OASIS standard; the rings are in virtio_ring.c. */
#include "vmm/devices/virtio.h"

#include "lib/string.h"

#define STATUS_FAILED 0x80u
#define STATUS_KNOWN 0x8fu	/* those a driver sets */

#define PAUSES_HZ 20000u	/* between two portions of long work the guest gets 50 us */


bool virtio_live(const struct virtio *v)
{
	return (v->s.status & (VIRTIO_DRIVER_OK | VIRTIO_NEEDS_RESET)) == VIRTIO_DRIVER_OK;
}

static void set_resume(struct virtio *v, uint64_t at)
{
	if (v->resume_at == at)
		return;
	v->resume_at = at;
	machine_deadline_changed(v->vm);
}

void virtio_reset(struct virtio *v)
{
	uint8_t generation = v->s.generation;

	memset(&v->s, 0, sizeof(v->s));
	v->s.generation = generation;
	v->s.config_vector = VIRTIO_NO_VECTOR;
	for (unsigned int q = 0; q < VIRTIO_QUEUES; q++) {
		v->s.queue[q].size = q < v->queues ? v->size[q] : 0;
		v->s.queue[q].vector = VIRTIO_NO_VECTOR;
	}
	v->queue = NULL;
	set_resume(v, TIME_NEVER);
	if (v->ops->reset != NULL)
		v->ops->reset(v);
}

void virtio_break(struct virtio *v)
{
	if (v->s.status & VIRTIO_NEEDS_RESET)
		return;
	v->s.status |= VIRTIO_NEEDS_RESET;
	v->s.again = 0;
	set_resume(v, TIME_NEVER);
	if (v->s.status & VIRTIO_DRIVER_OK)
		v->ops->interrupt(v, v->s.config_vector, true);
}

void virtio_config_changed(struct virtio *v)
{
	v->s.generation++;
	if (v->s.status & VIRTIO_DRIVER_OK)
		v->ops->interrupt(v, v->s.config_vector, true);
}

static bool features_good(const struct virtio *v)
{
	return !(v->s.accepted & ~v->offered) && virtio_has(v, VIRTIO_F_VERSION_1);
}

void virtio_set_status(struct virtio *v, uint8_t status)
{
	uint8_t old = v->s.status;

	if (status == 0) {
		virtio_reset(v);
		return;
	}
	/* Bits are only ever added; the features are judged once, and with wrong ones there is no further way. */
	status &= STATUS_KNOWN;
	if ((status & ~old & VIRTIO_FEATURES_OK) && !features_good(v))
		status &= (uint8_t)~VIRTIO_FEATURES_OK;
	if (!((status | old) & VIRTIO_FEATURES_OK))
		status &= (uint8_t)~VIRTIO_DRIVER_OK;
	v->s.status = old | status;
	if (v->s.status & STATUS_FAILED)
		v->s.status &= (uint8_t)~VIRTIO_DRIVER_OK;
	if (!(v->s.status & ~old & VIRTIO_DRIVER_OK))
		return;
	/* A driver may have filled its queues before it said that it was ready. */
	for (unsigned int q = 0; q < v->queues; q++)
		virtio_notify(v, q);
}

static bool queue_good(const struct virtio *v, unsigned int q, const struct virtqueue *vq)
{
	return vq->size != 0 && !(vq->size & (vq->size - 1)) && vq->size <= v->size[q] &&
	       !(vq->descriptors & 15) && !(vq->available & 1) && !(vq->used & 3);
}

void virtio_enable_queue(struct virtio *v, unsigned int q)
{
	struct virtqueue *vq;

	if (q >= v->queues || v->s.queue[q].ready)
		return;
	vq = &v->s.queue[q];
	if (!queue_good(v, q, vq)) {
		virtio_break(v);
		return;
	}
	vq->next = vq->used_index = vq->told = 0;
	vq->ready = 1;
}

void virtio_notify(struct virtio *v, unsigned int q)
{
	if (q < v->queues && virtio_live(v) && v->s.queue[q].ready)
		v->ops->notify(v, q);
}

void virtio_again(struct virtio *v, unsigned int q, uint64_t delay)
{
	uint64_t at = machine_now(v->vm) + (delay != 0 ? delay : machine_tsc_hz(v->vm) / PAUSES_HZ);

	v->s.again |= (uint8_t)(1u << q);
	if (at < v->resume_at)
		set_resume(v, at);
}

void virtio_service(struct virtio *v, uint64_t now)
{
	uint8_t again = v->s.again;

	if (now < v->resume_at)
		return;
	v->s.again = 0;
	v->resume_at = TIME_NEVER;
	for (unsigned int q = 0; q < v->queues; q++)
		if (again >> q & 1)
			virtio_notify(v, q);
	machine_deadline_changed(v->vm);
}

bool virtio_state_good(const struct virtio *v, const struct virtio_state *s)
{
	if ((s->accepted & ~v->offered) && (s->status & VIRTIO_FEATURES_OK))
		return false;
	if ((s->status & VIRTIO_DRIVER_OK) && !(s->status & VIRTIO_FEATURES_OK))
		return false;
	if ((s->status & ~(STATUS_KNOWN | VIRTIO_NEEDS_RESET)) || s->again >> VIRTIO_QUEUES || s->isr > 3)
		return false;
	for (unsigned int q = 0; q < VIRTIO_QUEUES; q++)
		if (s->queue[q].ready > 1 ||
		    (s->queue[q].ready && (q >= v->queues || !queue_good(v, q, &s->queue[q]))))
			return false;
	return true;
}

void virtio_restored(struct virtio *v)
{
	v->queue = NULL;
	v->resume_at = TIME_NEVER;
	if (v->s.again != 0)
		v->resume_at = machine_now(v->vm);
	machine_deadline_changed(v->vm);
}
