package reasons

import (
	"time"

	"zgoda/event"
)

// maxFound bounds an answer: one messageId may come many times.
const maxFound = 16

// Answer is what is known about a messageId.
type Answer struct {
	// Found are the entries about it, the newest first, 16 at most.
	Found []Decided
	// Sampled says whether an entry about it would have been kept at any time
	// since Since; if not, that none was found says nothing.
	Sampled bool
	// OneIn is how many are dropped or narrowed for each one that is kept now.
	OneIn int
	// Since is from when on the answer is about all there was; zero when nothing
	// was ever noted.
	Since time.Time
}

// Find looks for what is known about a messageId, as the client gave it.
func (r *Ring) Find(site event.SiteID, messageID []byte) Answer {
	if r == nil || r.capacity == 0 {
		return Answer{}
	}
	key := r.key(site, messageID)
	r.mu.Lock()
	defer r.mu.Unlock()
	level := r.level.Load()
	a := Answer{OneIn: 1 << level}
	for _, turn := range r.last {
		level = max(level, turn.highest)
	}
	a.Sampled = sampled(key, level)
	if len(r.entries) == 0 {
		return a
	}
	a.Since = time.Unix(r.entries[r.next].seconds, 0).UTC()
	if oldest := r.last[turns].began; oldest > a.Since.UnixNano() {
		a.Since = time.Unix(0, oldest).UTC() // before it the level is not known any more
	}
	for i := range r.entries { // from the newest to the oldest
		e := &r.entries[(r.next+len(r.entries)-1-i)%len(r.entries)]
		if e.key == key && len(a.Found) < maxFound {
			a.Found = append(a.Found, e.unpack())
		}
	}
	return a
}

func (e *entry) unpack() Decided {
	d := Decided{
		At: time.Unix(e.seconds, 0).UTC(), Fate: e.fate, Reason: e.reason, Scope: e.scope, Revision: e.revision, Purposes: int(e.purposes),
	}
	for i := range d.Purposes {
		d.Verdicts[i] = verdictOf(e.verdicts[i])
		d.Private[i] = e.public[i] == codePrivate
		if !d.Private[i] {
			d.Public[i] = verdictOf(e.public[i])
		}
	}
	return d
}
