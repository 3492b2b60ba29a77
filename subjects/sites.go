package subjects

import (
	"maps"
	"math"
	"sync"
	"sync/atomic"

	"zgoda/event"
)

// siteNumbers numbers the sites that people were loaded for, so that an entry
// need not hold a name. Sites are those of the configuration, so they are few.
type siteNumbers struct {
	mu sync.Mutex
	at atomic.Pointer[map[event.SiteID]siteNumber]
}

// siteNumber is a site's number in this process; zero is no site.
type siteNumber uint16

// find returns the number of a site, or zero.
func (s *siteNumbers) find(site event.SiteID) siteNumber {
	if at := s.at.Load(); at != nil {
		return (*at)[site]
	}
	return 0
}

// number returns the number of a site, giving it one. It is zero for those above
// 65,535, whose people are loaded each time.
func (s *siteNumbers) number(site event.SiteID) siteNumber {
	if n := s.find(site); n != 0 {
		return n
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if n := s.find(site); n != 0 {
		return n
	}
	if at := s.at.Load(); at != nil && len(*at) == math.MaxUint16 {
		return 0
	}
	next := make(map[event.SiteID]siteNumber)
	if at := s.at.Load(); at != nil {
		maps.Copy(next, *at)
	}
	n := siteNumber(len(next) + 1)
	next[site] = n
	s.at.Store(&next)
	return n
}
