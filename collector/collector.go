package collector

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net/http"
	"sync"
	"time"

	"zgoda/collector/beacon"
	"zgoda/collector/pixel"
	"zgoda/collector/segment"
	"zgoda/consent/signal"
	"zgoda/event"
	"zgoda/jsontape"
)

// Collector takes events. It is safe for concurrent use and has no goroutine of
// its own.
type Collector struct {
	cfg     Config
	deps    Deps
	parsers []signal.Parser
	metrics *metrics
	works   sync.Pool
	waits   sync.Pool // of promises
	away    absence
	changed changed
}

// New makes a collector.
func New(cfg Config, deps Deps) (*Collector, error) {
	if err := errors.Join(cfg.Validate(), deps.validate()); err != nil {
		return nil, fmt.Errorf("collector: %w", err)
	}
	m, err := newMetrics(deps.Registerer, deps.Sites, deps.Enricher.Stats)
	if err != nil {
		return nil, err
	}
	c := &Collector{cfg: cfg, deps: deps, parsers: signal.Standard(deps.Jar, deps.Strings), metrics: m}
	c.works.New = c.newWork
	c.waits.New = func() any { return &promise{c: c} }
	return c, nil
}

// Collect takes the events of a request and fills in the answer, which the
// caller has Reset. It returns when every event has met its fate or is on disk;
// the caller says Written on the answer once it is.
func (c *Collector) Collect(ctx context.Context, r *Request, a *Answer) {
	p := c.promise(ctx, r, a)
	if p == nil {
		return
	}
	defer p.release()
	p.wait(ctx)
	a.lap.end(phaseSpool)
	p.answer()
	c.metrics.sites.count(a, len(p.fates))
}

// promise takes the events of a request as far as the spool, and returns what
// must be waited for; nil when the request was refused as a whole, which is
// answered. A work is given back before the wait: a disk's time is long, and of
// the few that are thinking each finds its memory still in the cache.
func (c *Collector) promise(ctx context.Context, r *Request, a *Answer) *promise {
	w := acquire(&c.works, r, a)
	defer w.release(&c.works)
	a.lap = c.metrics.watch.start(r.Began, &w.turn)
	if !w.open() {
		c.deps.Fates.Receive(1)
		c.deps.Fates.Refuse(reasonOf(a.Status), 1)
		c.metrics.sites.count(a, 1)
		a.lap.end(phaseRead)
		return nil
	}
	begun := w.begin(ctx)
	a.lap.end(phaseRead)
	if !begun {
		return nil
	}
	w.link(ctx)
	w.load(ctx)
	a.lap.end(phaseLoad)
	w.take(ctx)
	a.lap.end(phaseDecide)
	return w.promise()
}

// open finds the site by the key and the origin, and reads the body as far as
// that needs. It says whether the request may go on; else the answer says why.
func (w *work) open() bool {
	if len(w.r.AuthKey) > 0 && !w.admit(w.r.AuthKey) {
		return false
	}
	limit := w.c.cfg.MaxBatchBytes
	if len(w.r.Body) > limit {
		return w.fail(http.StatusRequestEntityTooLarge, "The body is too large", "", "body")
	}
	if w.r.Route == RoutePixel {
		if w.r.Query == nil {
			w.r.Query = func(string) []byte { return nil }
		}
		return w.site != nil || w.admit(pixel.Key(w.r.Query))
	}
	var err error
	if w.body, err = w.parser.Parse(w.r.Body, w.c.cfg.MaxDepth); err != nil {
		return w.unreadable(err)
	}
	if w.site != nil {
		return w.sizedRight()
	}
	key, err := w.bodyKey()
	if err != nil {
		return w.failFor(err)
	}
	return w.admit(key) && w.sizedRight()
}

// sizedRight holds a single event to its own limit. Only what is read as a list
// of events is exempt, since each of its events is held to the limit then.
func (w *work) sizedRight() bool {
	if len(w.r.Body) <= w.c.cfg.MaxEventBytes || w.isList() {
		return true
	}
	return w.fail(http.StatusBadRequest, "The event is too large", "", "body")
}

// isList says whether the route reads lists and the body holds one.
func (w *work) isList() bool {
	switch w.r.Route {
	case RouteBatch:
		return isArray(w.body.Get("batch"))
	case RouteBeacon, RouteAny:
		if events := w.body.Get("events"); events.Exists() {
			return isArray(events)
		}
		return isArray(w.body.Get("batch"))
	default:
		return false
	}
}

func isArray(v jsontape.Value) bool { return v.Type() == jsontape.Array }

func (w *work) bodyKey() ([]byte, error) {
	if w.r.Route == RouteBeacon || w.r.Route == RouteAny {
		return beacon.Key(w.body)
	}
	return segment.WriteKey(w.body)
}

// admit finds the site of a key and checks what the key may do here.
func (w *work) admit(key []byte) bool {
	site, class := w.c.deps.Sites.ByKey(key)
	hasOrigin := len(w.r.Origin) > 0
	if class == KeyLoopback {
		if !w.r.Address.Unmap().IsLoopback() {
			site = nil
		}
		if class = KeySecret; hasOrigin {
			class = KeyPublic
		}
	}
	if class == KeySecret && w.inQuery(key) {
		site = nil
	}
	if site == nil || class == KeyUnknown {
		return w.fail(http.StatusUnauthorized, "The write key is not known", "", "writeKey")
	}
	w.site, w.a.Site = site, site
	w.a.OriginListed = hasOrigin && site.OriginListed(w.r.Origin)
	w.secret = class == KeySecret
	w.noOrigin = !w.secret && !hasOrigin
	switch {
	case hasOrigin && !w.a.OriginListed:
		return w.fail(http.StatusForbidden, "The origin is not listed", "Add it to the site's origins.", "Origin")
	case w.secret && w.fromOtherSite():
		return w.fail(http.StatusForbidden, "A secret key came from a page of another site", "It belongs on servers: replace it.", "Sec-Fetch-Site")
	}
	return true
}

// inQuery says whether the key of a pixel stands in its address, which proxies
// log and pages show: no place for a secret one.
func (w *work) inQuery(key []byte) bool {
	return w.r.Route == RoutePixel && w.r.Query != nil &&
		(bytes.Equal(key, w.r.Query("writeKey")) || bytes.Equal(key, pixel.Key(w.r.Query)))
}

// fromOtherSite reads what browsers say of the page that sends a request.
func (w *work) fromOtherSite() bool {
	w.otherSite = false
	if w.r.Header != nil {
		w.r.Header("Sec-Fetch-Site", w.seeSite)
	}
	return w.otherSite
}

// begin decodes and counts the events; false when the request was refused.
func (w *work) begin(ctx context.Context) bool {
	err := w.decode(ctx)
	n := max(1, len(w.items))
	if err != nil {
		n = 1
		w.failFor(err)
	}
	if w.dry {
		return err == nil
	}
	w.c.deps.Fates.Hold(n) // before they are in flight: what is in hand explains them
	w.inHand = n
	w.c.deps.Fates.Receive(n)
	if err != nil || len(w.items) == 0 {
		if err == nil {
			w.fail(http.StatusBadRequest, "The batch is empty", "", "batch")
		}
		w.c.deps.Fates.Refuse(reasonOf(w.a.Status), n)
		w.c.metrics.sites.count(w.a, n)
		w.let()
		return false
	}
	for i := range w.items {
		if it := &w.items[i]; it.fate.met {
			w.c.deps.Fates.Refuse(it.fate.reason, 1)
		}
	}
	return true
}

// retryAfter returns what 503 tells, in seconds.
func (c *Collector) retryAfter() int { return int((c.cfg.RetryAfter + time.Second - 1) / time.Second) }

// reasonOf returns the reason of a request refused as a whole.
func reasonOf(status int) event.Reason {
	switch status {
	case http.StatusRequestEntityTooLarge:
		return event.ReasonTooLarge
	case http.StatusServiceUnavailable:
		return event.ReasonInternal
	default:
		return event.ReasonMalformed
	}
}
