package subjects

import (
	"slices"
	"sync"
	"sync/atomic"

	"zgoda/event"
)

// retired are the versions of the purpose key under which contacts have no
// pseudonym any more. Most often there is none.
type retired struct {
	changing sync.Mutex
	versions atomic.Pointer[[]event.KeyVersion]
}

// keptRetired is how many versions are remembered: an entry lives far shorter than
// the time between two rotations.
const keptRetired = 8

func (r *retired) add(version event.KeyVersion) {
	r.changing.Lock()
	defer r.changing.Unlock()
	var next []event.KeyVersion
	if now := r.versions.Load(); now != nil {
		next = slices.Clone(*now)
	}
	if !slices.Contains(next, version) {
		next = append(next, version)
	}
	next = next[max(0, len(next)-keptRetired):]
	r.versions.Store(&next)
}

// has says whether an entry is a contact's under such a version. Visitors stay
// under the version that their year began with.
func (r *retired) has(e *Entry) bool {
	versions := r.versions.Load()
	return versions != nil && e.kind != event.KindVisitor && slices.Contains(*versions, e.Handles.Version)
}

// Forget says that contacts have new pseudonyms, and none under this version of
// the purpose key any more. When it has returned, no Accept runs put for an entry
// of a contact under it; who is asked for next is loaded anew.
func (s *Set) Forget(version event.KeyVersion) {
	s.fence.retired.add(version)
	s.fence.pass()
}

// pass waits until every put that runs now has ended.
func (f *fence) pass() {
	for i := range f.shards {
		f.shards[i].mu.Lock()
		f.shards[i].mu.Unlock() //nolint:staticcheck // whoever came before has gone: that is all
	}
}
