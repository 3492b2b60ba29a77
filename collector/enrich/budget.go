package enrich

import (
	"sync"
	"time"
)

// budget lets so many user agents a second be read by the expressions, and some
// more after a rest. It is what bounds the work that strangers can cause by never
// sending the same user agent twice.
type budget struct {
	mu   sync.Mutex
	rate float64 // a second
	most float64
	left float64
	at   time.Time
}

// restful is for how many seconds of rest reads are saved up: at start every
// user agent is new.
const restful = 5

func newBudget(rate int) *budget {
	most := float64(rate) * restful
	return &budget{rate: float64(rate), most: most, left: most}
}

// take says whether one more may be read at the given time.
func (b *budget) take(now time.Time) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	if rest := now.Sub(b.at); rest > 0 {
		b.left = min(b.most, b.left+rest.Seconds()*b.rate)
		b.at = now
	}
	if b.left < 1 {
		return false
	}
	b.left--
	return true
}
