package collector

import (
	"testing"
)

func TestUnreadAgentsAreCounted(t *testing.T) {
	s := newStage(t)
	if got := s.counter(t, "zgoda_collector_agents_unread_total"); got != float64(s.deps.Enricher.Unread()) {
		t.Errorf("%v", got)
	}
}
