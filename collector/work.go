package collector

import (
	"bytes"
	"context"
	"errors"
	"net/netip"
	"sync"

	"zgoda/collector/beacon"
	"zgoda/collector/minimise"
	"zgoda/collector/pixel"
	"zgoda/collector/segment"
	"zgoda/consent"
	"zgoda/consent/cookie"
	"zgoda/consent/signal"
	"zgoda/event"
	"zgoda/jsontape"
	"zgoda/later"
	"zgoda/spool"
	"zgoda/subjects"
)

// item is one event of a request on its way.
type item struct {
	ev     segment.Event
	cast   cast
	raw    event.Raw
	ticket spool.Ticket
	fate   fate
	class  consent.Class // of special data, by the site's lists
	// candidateClass is the same by the lists of the site's candidate.
	candidateClass consent.Class
	told           bool   // a server told the person's address
	claim          bool   // a contact was claimed without a proof
	tells          bool   // it tells of its contact what the site keeps
	blob           []byte // that, sealed
	said           bool   // it is in the queue
	saidTicket     spool.Ticket
	waits          bool         // the keyholder is away, and its people are not known
	waited         *later.Event // what Resume was given; nil: it comes out of a request
}

// fate is where an item stands.
type fate struct {
	met    bool // it has met its fate: refused or dropped, and counted
	put    bool // it is in the spool, maybe not on disk yet
	later  bool // it is in the queue of what waits instead
	reason event.Reason
	field  string
	detail string
}

// work is one request on its way. It is pooled; nothing in it outlives the
// request, and release wipes what came from it.
type work struct {
	c *Collector
	r *Request
	a *Answer

	site      *Site
	secret    bool   // the key is a server's
	noOrigin  bool   // a public key without an Origin
	otherSite bool   // a page of another site sends the request
	dry       bool   // explain: nothing is stored, linked, minted or counted
	turn      uint32 // how many requests it has had, for the stopwatch; kept
	inHand    int    // events that were counted as received, and are not a promise's yet

	parser  *segment.Parser
	body    jsontape.Value
	batch   segment.Batch
	many    bool // the body is a batch
	snippet bool // its events are those of our snippet
	beside  beside
	items   []item
	ids     []subjects.Identity
	entries []subjects.Entry

	address   netip.Addr
	country   string // of the address, once it was looked for
	located   bool
	addresses pixel.Addresses

	texts                  segment.Texts // of the event at hand, completed by those beside it
	text                   minimise.Buffer
	cookieRead, hasVisitor bool
	forgotten              bool         // it was erased
	visitor                [16]byte     // the signed cookie's
	day                    browserDay   // of who sends the request, on a site without cookies
	input                  signal.Input // of one item
	signals                consent.Signals
	decision               consent.Decision
	second                 consent.Record // everyone but the visitor and the contact, as far as they refuse
	folded                 []byte         // a name as the site's lists have it
	encoded                []byte
	ticket                 spool.Ticket
	saying                 saying
	put                    func() error                  // made once: puts encoded into the spool
	seeSite                func(value []byte) bool       // made once: reads Sec-Fetch-Site into otherSite
	sole                   cookie.Sole                   // finds the consent cookie
	seeChoice              func(name, value []byte) bool // made once: hands it a cookie
	decided                bool                          // the answer tells a decision already
	asked, tracked         bool                          // an event came with Do Not Track; one is stored, or may be, as somebody's
	quiet                  bool                          // something was dropped that a record might have let through
}

// The sizes above which a work's lists are not kept.
const (
	keptItems = 256
	keptBytes = 256 << 10
)

func (c *Collector) newWork() any {
	w := &work{c: c}
	w.put = func() (err error) {
		if err := w.putSaid(); err != nil {
			return err
		}
		w.ticket, err = c.deps.Spool.Put(w.encoded)
		return err
	}
	w.seeSite = func(value []byte) bool {
		w.otherSite = string(bytes.TrimSpace(value)) == "cross-site"
		return !w.otherSite
	}
	w.seeChoice = w.sole.See
	return w
}

// acquire takes a work from the pool for a request.
func acquire(pool *sync.Pool, r *Request, a *Answer) *work {
	w := pool.Get().(*work)
	w.r, w.a = r, a
	w.parser = segment.Get()
	return w
}

// abandon is for a fault of ours amid the events of a request, which a panic left:
// those without a fate are refused. What was put may be on disk, where the writer
// counts it.
func (w *work) abandon() {
	for i := range w.items {
		if f := &w.items[i].fate; !f.met && !f.put {
			w.c.deps.Fates.Refuse(event.ReasonInternal, 1)
		}
	}
	w.let()
}

// let notes that a request's events are nothing in hand any more.
func (w *work) let() {
	w.c.deps.Fates.Hold(-w.inHand)
	w.inHand = 0
}

// release gives a work back, wiped.
func (w *work) release(pool *sync.Pool) {
	if w.inHand > 0 {
		w.abandon()
	}
	segment.Put(w.parser)
	w.releaseCandidate()
	w.text.Reset()
	w.beside.buffer.Reset()
	clear(w.items)
	clear(w.ids)
	clear(w.entries)
	clear(w.encoded)
	clear(w.folded)
	clear(w.saying.record)
	if cap(w.items) > keptItems || cap(w.encoded) > keptBytes {
		w.items, w.ids, w.entries, w.encoded = nil, nil, nil, nil
	}
	*w = work{
		c: w.c, put: w.put, seeSite: w.seeSite, seeChoice: w.seeChoice, text: w.text, beside: beside{buffer: w.beside.buffer},
		items: w.items[:0], ids: w.ids[:0], entries: w.entries[:0], encoded: w.encoded[:0], folded: w.folded[:0],
		saying: saying{record: w.saying.record[:0]}, turn: w.turn,
	}
	pool.Put(w)
}

// decode reads the body into items. Items that cannot be read meet their fate
// here; an error is about the request as a whole.
func (w *work) decode(ctx context.Context) error {
	if w.r.Route == RoutePixel {
		return w.decodePixel()
	}
	if err := w.readBatch(); err != nil {
		return err
	}
	if !w.many { // what would stand beside the one call stands in it
		w.grow(1)
		w.readItem(&w.items[0], w.body)
		w.checkItems()
		return nil
	}
	if w.batch.Items.Len() > w.c.cfg.MaxBatchEvents {
		return errTooMany
	}
	w.grow(w.batch.Items.Len())
	i := 0
	for call := w.batch.Items.Items(); call.Next(); i++ {
		if ctx.Err() != nil {
			return errGone
		}
		w.readItem(&w.items[i], call.Value())
	}
	w.checkItems()
	return nil
}

// grow makes n empty items.
func (w *work) grow(n int) {
	if cap(w.items) < n {
		w.items = make([]item, n)
	}
	w.items = w.items[:n] // release left them empty
}

// readBatch takes the body apart; a single call is a batch of one.
func (w *work) readBatch() (err error) {
	events := w.body.Get("events").Exists()
	w.snippet = w.r.Route == RouteBeacon || (w.r.Route == RouteAny && events)
	switch {
	case w.snippet && (events || segment.IsBatch(w.body)):
		w.many = true
		w.batch, err = beacon.ReadBatch(w.body)
	case w.r.Route == RouteBatch, w.r.Route == RouteAny && segment.IsBatch(w.body):
		w.many = true
		w.batch, err = segment.ReadBatch(w.body)
	}
	if err == nil {
		w.takeBeside()
	}
	return err
}

func (w *work) readItem(it *item, v jsontape.Value) {
	if w.many && !w.fits(v) {
		w.refuse(it, event.ReasonTooLarge, "", "An event is too large.")
		return
	}
	var err error
	if w.snippet {
		err = beacon.Read(&it.ev, v)
	} else {
		err = it.ev.Read(v, w.r.Route.eventType())
	}
	if err != nil {
		w.refuseFor(it, err)
	}
}

// checkItems validates what was read, in a loop of its own: the code of one step
// fits into a core's cache of instructions, that of two does not.
func (w *work) checkItems() {
	for i := range w.items {
		it := &w.items[i]
		if it.fate.met {
			continue
		}
		if err := w.validate(it); err != nil {
			w.refuseFor(it, err)
		}
	}
}

// fits says whether one event of a batch keeps to the limit of one.
func (w *work) fits(v jsontape.Value) bool {
	return len(w.r.Body) <= w.c.cfg.MaxEventBytes || v.Within(w.c.cfg.MaxEventBytes)
}

func (w *work) decodePixel() (err error) {
	w.grow(1)
	it := &w.items[0]
	if w.addresses, err = pixel.Read(&it.ev, w.r.Query); err == nil {
		err = w.validate(it)
	}
	if err != nil {
		w.refuseFor(it, err)
	}
	return nil
}

// validate checks what reading did not: times, the message's id, and that the
// event is somebody's; then it finds out whose.
func (w *work) validate(it *item) error {
	at, corrected, err := clock(&it.ev, w.batch.Sent, w.r.ReceivedAt, w.c.cfg.FutureLimit)
	if err != nil {
		return err
	}
	if corrected && !w.dry {
		w.c.metrics.clock.Inc()
	}
	it.raw.Site, it.raw.Type, it.raw.Time, it.raw.ReceivedAt = w.site.ID, it.ev.Type, at, w.r.ReceivedAt
	if it.raw.MessageID, err = messageID(w.c.deps.Blinder, w.site.ID, it.ev.MessageID, &w.text); err != nil {
		return err
	}
	named := len(it.ev.AnonymousID) > 0 || len(it.ev.UserID) > 0
	if err := w.identify(it); err != nil {
		return err
	}
	if !named && !it.cast.hasVisitor() && (w.secret || (w.r.Route != RouteBeacon && w.r.Route != RoutePixel)) {
		return errNoIdentity
	}
	return nil
}

// The errors about a request as a whole, and about one event of it.
var (
	errTooMany    = errors.New("the batch has too many events")
	errGone       = errors.New("the client has gone")
	errNoIdentity = errors.New("anonymousId or userId is required")
)

// eventType returns the type that a route says, TypeUnknown where the call does.
func (r Route) eventType() event.Type {
	switch r {
	case RouteTrack:
		return event.TypeTrack
	case RoutePage:
		return event.TypePage
	case RouteScreen:
		return event.TypeScreen
	case RouteIdentify:
		return event.TypeIdentify
	case RouteGroup:
		return event.TypeGroup
	case RouteAlias:
		return event.TypeAlias
	default:
		return event.TypeUnknown
	}
}
