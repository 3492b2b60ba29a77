package own

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"time"

	"zgoda/control"
	"zgoda/event"
	"zgoda/pseudonym"
	"zgoda/rights"
)

// Request is what the gateway read. Slices are read only until Serve returns.
type Request struct {
	Origin    []byte
	FetchSite []byte // Sec-Fetch-Site
	Visitor   []byte // the raw cookie, nil when absent
	Body      []byte
	Loopback  bool // it comes from this machine
	At        time.Time
}

// Answer is what to tell the browser.
type Answer struct {
	Status       int
	OriginListed bool
	Retry        bool
	Title, Field string // of a problem
	Told         *Told
	Forget       bool // the visitor's cookie is taken away
	// Results write what was asked for instead, as JSON; nil: there are none.
	Results func(to io.Writer) error
}

// Told is what is told of a request.
type Told struct {
	Request  string    `json:"request,omitempty"`
	Right    string    `json:"right"`
	State    string    `json:"state"`
	Deadline time.Time `json:"deadline,omitzero"`
	Mail     string    `json:"mail,omitempty"` // of one by mail, in words
}

// Site is one that a public key opens.
type Site struct {
	ID     event.SiteID
	Listed func(origin []byte) bool
}

// Deps are what a Desk needs; all are required but Logger.
type Deps struct {
	// Site finds the site of a public key.
	Site func(key []byte, loopback bool) (Site, bool)
	// Visitor opens the signed cookie.
	Visitor func(site event.SiteID, cookie []byte, now time.Time) (id [16]byte, ok bool)
	// Linked says whether a visitor is a contact's too.
	Linked func(ctx context.Context, site event.SiteID, id [16]byte, now time.Time) (bool, error)
	Open   func(ctx context.Context, o rights.Opening) (control.Request, error)
	// Results gather what is held of whom a request is about.
	Results func(ctx context.Context, r control.Request) (func(to io.Writer) error, error)
	// ByMail takes a request of whoever has a mail address, to which a link is mailed if
	// it is known; nil: there is no mail server. It returns ErrAddress or ErrBusy, and
	// neither its answer nor its time tells whether anybody has the address.
	ByMail func(site event.SiteID, right control.Right, address, locale string) error
	Logger *slog.Logger
}

// Desk takes requests. It is safe for concurrent use.
type Desk struct {
	deps Deps
	log  *slog.Logger
}

// New makes a desk.
func New(deps Deps) (*Desk, error) {
	if deps.Site == nil || deps.Visitor == nil || deps.Linked == nil || deps.Open == nil || deps.Results == nil {
		return nil, errors.New("own: a part is missing")
	}
	d := &Desk{deps: deps, log: deps.Logger}
	if d.log == nil {
		d.log = slog.New(slog.DiscardHandler)
	}
	return d, nil
}

// The errors of ByMail.
var (
	ErrAddress = errors.New("not a mail address")
	ErrBusy    = errors.New("too many ask at once")
)

// asked is the body.
type asked struct {
	Key     string `json:"key"`
	Right   string `json:"right"`
	Address string `json:"address"` // to be proven by a link that is mailed to it
	Locale  string `json:"locale"`  // of the mail
}

// mailed are the rights that can be asked for with a mail address: all that need
// nothing beside.
var mailed = map[string]control.Right{
	"access": control.RightAccess, "erasure": control.RightErasure, "restriction": control.RightRestriction, "portability": control.RightPortability,
	"objection": control.RightObjection, "automated": control.RightAutomated, "withdrawal": control.RightWithdrawal,
}

// taken are the rights that can be asked for so.
var taken = map[string]control.Right{
	"erasure": control.RightErasure, "access": control.RightAccess, "objection": control.RightObjection,
}

// The statuses of HTTP that are answered; this room speaks no HTTP itself.
const (
	statusDone      = 200
	statusTaken     = 202
	statusBad       = 400
	statusKey       = 401
	statusForbidden = 403
	statusConflict  = 409
	statusAway      = 503
)

const (
	self   = "self"
	reason = "asked for on a page of the site"
)

func refuse(status int, title, field string) Answer {
	return Answer{Status: status, Title: title, Field: field}
}

// Serve takes one request.
func (d *Desk) Serve(ctx context.Context, in *Request) Answer {
	var a asked
	dec := json.NewDecoder(bytes.NewReader(in.Body))
	dec.DisallowUnknownFields()
	if dec.Decode(&a) != nil || dec.More() {
		return refuse(statusBad, "The body is not an object with key and right", "body")
	}
	site, ok := d.deps.Site([]byte(a.Key), in.Loopback)
	if !ok {
		return refuse(statusKey, "The write key is not known as a public key", "key")
	}
	switch {
	case len(in.Origin) == 0:
		return refuse(statusForbidden, "A right is used on a page: the Origin header is missing", "Origin")
	case !site.Listed(in.Origin):
		return refuse(statusForbidden, "The origin is not one of the site's", "Origin")
	}
	switch string(in.FetchSite) {
	case "", "same-origin", "same-site":
	default:
		return refuse(statusForbidden, "A right is used on a page of the same site", "Sec-Fetch-Site")
	}
	var out Answer
	if a.Address == "" {
		out = d.serve(ctx, in, &site, taken[a.Right])
	} else {
		out = d.mail(site.ID, &a)
	}
	out.OriginListed = true
	return out
}

// maxLocale bounds the name of a language.
const maxLocale = 35

// mail takes a request of whoever has an address. All answers but refusals of what was
// sent are one: it says nothing of whether the address is known.
func (d *Desk) mail(site event.SiteID, a *asked) Answer {
	right := mailed[a.Right]
	switch {
	case right == "":
		return refuse(statusBad, "The right must be access, erasure, restriction, portability, objection, automated or withdrawal", "right")
	case len(a.Locale) > maxLocale:
		return refuse(statusBad, "The locale must be the name of a language", "locale")
	case d.deps.ByMail == nil:
		return refuse(statusBad, "No links are mailed here: use the page without an address", "address")
	}
	switch err := d.deps.ByMail(site, right, a.Address, a.Locale); {
	case errors.Is(err, ErrAddress):
		return refuse(statusBad, "It is not a mail address", "address")
	case err != nil:
		return d.away("take a request by mail", err)
	}
	return Answer{Status: statusTaken, Told: &Told{Right: a.Right, State: string(control.RequestUnverified), Mail: mailWords}}
}

const mailWords = "If this address is known here, a mail with a link is on its way to it. What was asked for begins when the button behind the link is pressed."

func (d *Desk) serve(ctx context.Context, in *Request, site *Site, right control.Right) Answer {
	if right == "" {
		return refuse(statusBad, "The right must be erasure, access or objection", "right")
	}
	id, ok := d.deps.Visitor(site.ID, in.Visitor, in.At)
	if !ok {
		return refuse(statusForbidden, "There is no signed visitor cookie: nothing is held by which this browser is known", "Cookie")
	}
	if right != control.RightObjection {
		switch linked, err := d.deps.Linked(ctx, site.ID, id, in.At); {
		case err != nil:
			return d.away("look for the visitor", err)
		case linked:
			return refuse(statusConflict, "This browser is known as a contact's: ask the controller as that contact", "right")
		}
	}
	ctx = pseudonym.WithAct(ctx, pseudonym.Act{Actor: self, Reason: reason})
	r, err := d.deps.Open(ctx, rights.Opening{
		Site: site.ID, Right: right, Who: rights.Who{Kind: event.KindVisitor, Value: string(id[:])}, Origin: self, Proof: "cookie", ProofBy: self,
		Actor: self, Reason: reason, Once: true,
	})
	if err != nil && !errors.Is(err, control.ErrOpen) {
		return d.away("open the request", err)
	}
	if right == control.RightAccess && r.State == control.RequestRunning {
		write, err := d.deps.Results(ctx, r)
		if err != nil {
			return d.away("gather what is held", err)
		}
		return Answer{Status: statusDone, Results: write}
	}
	out := Answer{Status: statusTaken, Told: &Told{Request: r.ID.String(), Right: string(right), State: string(r.State), Deadline: r.Deadline}}
	if r.State == control.RequestComplete {
		out.Status = statusDone
	}
	out.Forget = right == control.RightErasure
	return out
}

func (d *Desk) away(act string, err error) Answer {
	d.log.Warn("a right that a visitor used was not dealt with", "act", act, "error", err)
	a := refuse(statusAway, "It could not be done now; nothing is promised", "")
	a.Retry = true
	return a
}
