package daily

import (
	"context"
	"crypto/rand"
	"slices"
	"time"

	"zgoda/pseudonym/secret"
)

// Maker is the keyholder's side: it makes the key of a day when it is first asked
// for it, and overwrites it when the day is over. A keyholder that starts anew has
// none, and makes another. It is safe for concurrent use.
type Maker struct {
	cell *cell
	now  func() time.Time
}

// NewMaker makes a Maker; now is time.Now where it is nil.
func NewMaker(now func() time.Time) *Maker {
	if now == nil {
		now = time.Now
	}
	return &Maker{cell: newCell(), now: now}
}

// Key returns a copy of the key of the present day.
func (m *Maker) Key() Key {
	today := NumberOf(m.now())
	m.cell.mu.Lock()
	defer m.cell.mu.Unlock()
	if !m.cell.has || m.cell.day != today {
		_, _ = rand.Read(m.cell.room.Reveal()) // it never fails: it ends the process instead
		m.cell.day, m.cell.has = today, true
	}
	return Key{Day: today, Bytes: secret.New(slices.Clone(m.cell.room.Reveal()))}
}

// lookEvery is how often the Maker looks at the clock at least.
const lookEvery = time.Minute

// Run overwrites each day's key when the day is over, and the last one when ctx
// ends.
func (m *Maker) Run(ctx context.Context) {
	defer m.cell.wipe()
	for {
		now := m.now()
		m.cell.wipeUnless(NumberOf(now))
		select {
		case <-ctx.Done():
			return
		case <-time.After(within(now, lookEvery)):
		}
	}
}
