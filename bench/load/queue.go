package load

// queue is a first-in, first-out queue that reuses its memory.
type queue[T any] struct {
	ring  []T
	head  int
	count int
}

func (q *queue[T]) len() int { return q.count }

func (q *queue[T]) front() T { return q.ring[q.head] }

func (q *queue[T]) push(v T) {
	if q.count == len(q.ring) {
		grown := make([]T, max(64, 2*len(q.ring)))
		n := copy(grown, q.ring[q.head:])
		copy(grown[n:], q.ring[:q.head])
		q.ring, q.head = grown, 0
	}
	q.ring[(q.head+q.count)%len(q.ring)] = v
	q.count++
}

func (q *queue[T]) pop() T {
	v := q.ring[q.head]
	q.head = (q.head + 1) % len(q.ring)
	q.count--
	return v
}
