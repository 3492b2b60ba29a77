package confirm

import (
	"sync"
	"time"

	"zgoda/event"
)

// window counts the mails of each site in the minute that runs.
type window struct {
	limit int

	mu     sync.Mutex
	minute time.Time
	counts map[event.SiteID]int
}

func (w *window) take(site event.SiteID, now time.Time) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	if minute := now.Truncate(time.Minute); !minute.Equal(w.minute) {
		w.minute, w.counts = minute, map[event.SiteID]int{}
	}
	if w.counts[site] >= w.limit {
		return false
	}
	w.counts[site]++
	return true
}
