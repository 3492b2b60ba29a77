package daily

import (
	"context"
	"errors"
	"log/slog"
	"net/netip"
	"time"

	"zgoda/event"
)

// source hands out the key of the keyholder's present day; pseudonym.Client is one.
type source interface {
	Day(ctx context.Context) (Key, error)
}

// Config are the settings of a Holder.
type Config struct {
	Every time.Duration // how often the keyholder is asked, so that all gateways have one key after its restart
	Retry time.Duration // how often, while there is no key of the day
	Now   func() time.Time
}

// DefaultConfig returns the settings that apply where none are given.
func DefaultConfig() Config {
	return Config{Every: time.Minute, Retry: time.Second, Now: time.Now}
}

// Validate refuses settings that cannot work.
func (c Config) Validate() error {
	if c.Every <= 0 || c.Retry <= 0 || c.Now == nil {
		return errors.New("daily: Every and Retry must be over zero, and Now be given")
	}
	return nil
}

// Holder is the gateway's side: it has the key of the present day, while there is
// one, and makes pseudonyms under it. It is safe for concurrent use.
type Holder struct {
	cfg  Config
	from source
	log  *slog.Logger
	cell *cell
	lost bool // that there is no key has been said
}

// New makes a Holder without a key: Run fetches it.
func New(cfg Config, from source, log *slog.Logger) (*Holder, error) {
	if err := cfg.Validate(); err != nil {
		return nil, err
	}
	if from == nil || log == nil {
		return nil, errors.New("daily: a part is missing")
	}
	return &Holder{cfg: cfg, from: from, log: log, cell: newCell()}, nil
}

// Pseudonym returns the pseudonym at a time of whoever calls from an address with a
// user agent, and the day as its key's version. ok is false without a key of that
// very day, without an address and without a user agent: each of them would make one
// person of many. It allocates nothing and keeps nothing.
func (h *Holder) Pseudonym(at time.Time, site event.SiteID, address netip.Addr, agent []byte) (p event.Handle, version event.KeyVersion, ok bool) {
	if !address.IsValid() || len(agent) == 0 {
		return event.Handle{}, 0, false
	}
	today := NumberOf(at)
	h.cell.mu.RLock()
	defer h.cell.mu.RUnlock()
	if !h.cell.has || h.cell.day != today {
		return event.Handle{}, 0, false
	}
	p = pseudonym(h.cell.room.Reveal(), site, address, agent)
	return p, event.KeyVersion(today), true
}

// Holds says whether there is a key of the present day.
func (h *Holder) Holds() bool { return h.cell.holds(NumberOf(h.cfg.Now())) }

// Run keeps the key of the present day, and overwrites each when its day is over and
// the last one when ctx ends. While the keyholder is away it goes on with the key it
// has until that day's end; from then on there is none until the keyholder answers.
func (h *Holder) Run(ctx context.Context) {
	defer h.cell.wipe()
	for {
		h.cell.wipeUnless(NumberOf(h.cfg.Now()))
		err := h.fetch(ctx)
		if ctx.Err() != nil {
			return
		}
		h.tell(err)
		wait := h.cfg.Retry
		if h.Holds() {
			wait = within(h.cfg.Now(), h.cfg.Every)
		}
		select {
		case <-ctx.Done():
			return
		case <-time.After(wait):
		}
	}
}

// errOtherDay is returned where the clocks are on two sides of midnight.
var errOtherDay = errors.New("the keyholder's clock is in another day")

// fetch takes over the keyholder's key, if it is of the present day.
func (h *Holder) fetch(ctx context.Context) error {
	key, err := h.from.Day(ctx)
	if err != nil {
		return err
	}
	defer key.Wipe()
	if key.Day != NumberOf(h.cfg.Now()) {
		return errOtherDay
	}
	h.cell.mu.Lock()
	defer h.cell.mu.Unlock()
	copy(h.cell.room.Reveal(), key.Bytes.Reveal())
	h.cell.day, h.cell.has = key.Day, true
	return nil
}

// tell logs the loss of the key and its return, once each.
func (h *Holder) tell(err error) {
	switch holds := h.Holds(); {
	case !holds && !h.lost:
		h.lost = true
		h.log.Warn("there is no key of this day; no daily pseudonyms until the keyholder hands it out", "error", err)
	case holds && h.lost:
		h.lost = false
		h.log.Info("the key of this day is there")
	}
}
