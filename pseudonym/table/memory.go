package table

import (
	"errors"
	"fmt"
	"sync/atomic"

	"golang.org/x/sys/unix"
)

// memory hands out pages outside the heap.
type memory struct {
	bytes  atomic.Int64
	locked atomic.Int64
	refuse atomic.Bool // the system locks no more pages
}

// get returns n bytes of zeros that no core dump holds.
func (m *memory) get(n int) ([]byte, error) {
	pages, err := unix.Mmap(-1, 0, n, unix.PROT_READ|unix.PROT_WRITE, unix.MAP_ANON|unix.MAP_PRIVATE)
	if err != nil {
		return nil, fmt.Errorf("get memory for contacts: %w", err)
	}
	if err := unix.Madvise(pages, unix.MADV_DONTDUMP); err != nil {
		return nil, errors.Join(fmt.Errorf("keep contacts out of core dumps: %w", err), unix.Munmap(pages))
	}
	m.bytes.Add(int64(n))
	return pages, nil
}

// lock keeps pages out of swap, as far as the system allows it.
func (m *memory) lock(pages []byte) {
	if m.refuse.Load() {
		return
	}
	if err := unix.Mlock(pages); err != nil {
		m.refuse.Store(true)
		return
	}
	m.locked.Add(int64(len(pages)))
}

// free gives pages back, overwritten.
func (m *memory) free(pages []byte) error {
	if pages == nil {
		return nil
	}
	clear(pages)
	m.bytes.Add(-int64(len(pages)))
	return unix.Munmap(pages)
}
