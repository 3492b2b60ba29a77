package importer

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"strconv"
	"strings"
	"time"

	"zgoda/consent"
	"zgoda/control/ledger"
	"zgoda/event"
	"zgoda/guardian"
	"zgoda/subjects"
)

// columns are those that a file may have; docs/operating.md explains them.
var columns = []string{
	"kind", "identifier", "purpose", "version", "text_hash", "state", "time", "channel", "proof", "until", "locale",
	"guardian", "born", "country",
}

// needed are those that it must have.
var needed = []string{"kind", "identifier", "purpose", "state", "time", "channel", "proof"}

// row is one row that can be written once its contact is known.
type row struct {
	line    int
	name    subjects.Name
	purpose *consent.Purpose
	entry   ledger.Entry // but for its subject and key
	fields  [32]byte     // of everything the row says but the identifier
	minor   guardian.Minor
	ref     string // how a guardian was verified
	country string
	until   time.Time
}

var states = map[string]ledger.State{
	"given": ledger.StateGiven, "refused": ledger.StateRefused, "withdrawn": ledger.StateWithdrawn, "objected": ledger.StateObjected,
}

// parse checks everything of a row but its contact.
func (im *Importer) parse(f map[string]string) (row, *faultError) {
	r := row{}
	if bad := r.whom(f); bad != nil {
		return r, bad
	}
	i := im.opt.Policy.Find(event.PurposeID(f["purpose"]))
	if i < 0 {
		return r, fault("purpose", "is no purpose of the site")
	}
	r.purpose = &im.opt.Policy.Purposes[i]
	state, ok := states[f["state"]]
	if !ok {
		return r, fault("state", "must be given, refused, withdrawn or objected")
	}
	r.entry = ledger.Entry{
		Site: im.opt.Policy.Site, Purpose: r.purpose.ID, State: state, Type: ledger.EventExplicit, Channel: ledger.ChannelImport,
		Surface: f["channel"], Locale: f["locale"], Actor: im.opt.Actor, ProofRef: f["proof"], Proof: ledger.ProofDocument,
	}
	for _, step := range []func(map[string]string, time.Time) *faultError{r.when, r.text, r.proof, r.end, r.of} {
		if bad := step(f, im.opt.Now); bad != nil {
			return r, bad
		}
	}
	r.fields = digest(f)
	return r, nil
}

func (r *row) whom(f map[string]string) *faultError {
	kind, value, err := event.ParseIdentifier(f["kind"] + ":" + f["identifier"])
	switch {
	case f["identifier"] == "":
		return fault("identifier", "is empty")
	case err != nil || kind == event.KindVisitor || strings.Contains(f["kind"], ":"):
		return fault("kind", "must be user_id, email, phone or customer_id")
	}
	r.name = subjects.Name{Kind: kind, Value: value}
	return nil
}

// skew is how far a time may be ahead of ours.
const skew = 5 * time.Minute

func (r *row) when(f map[string]string, now time.Time) *faultError {
	at, err := time.Parse(time.RFC3339, f["time"])
	if err != nil {
		return fault("time", "must be as 2026-01-31T12:00:00Z")
	}
	if at.After(now.Add(skew)) || at.Year() < 2000 {
		return fault("time", "is in the future, or before the year 2000")
	}
	r.entry.At = at.UTC().Truncate(time.Microsecond)
	return nil
}

// text finds the version of the text that the person saw: its number, or the hash
// of the one in force. Without either a grant says nothing about what was agreed to.
func (r *row) text(f map[string]string, _ time.Time) *faultError {
	r.entry.PurposeVersion = r.purpose.Version
	if f["text_hash"] != "" {
		raw, err := hex.DecodeString(f["text_hash"])
		if err != nil || len(raw) != sha256.Size {
			return fault("text_hash", "must be a SHA-256 in 64 hexadecimal digits")
		}
		copy(r.entry.TextHash[:], raw)
	}
	if f["version"] != "" {
		n, err := strconv.ParseUint(f["version"], 10, 32)
		if err != nil || n == 0 || uint32(n) > r.purpose.Version {
			return fault("version", "must be a version that the purpose has or had")
		}
		r.entry.PurposeVersion = uint32(n)
	}
	current := r.entry.PurposeVersion == r.purpose.Version
	switch {
	case f["text_hash"] == "" && current:
		r.entry.TextHash = r.purpose.TextHash
	case f["version"] == "" && r.entry.TextHash != r.purpose.TextHash:
		return fault("text_hash", "is not of the text in force: say which version it was of")
	}
	if r.entry.State == ledger.StateGiven && f["version"] == "" && f["text_hash"] == "" {
		return fault("version", "is needed for a grant, or text_hash is")
	}
	return nil
}

func (r *row) proof(f map[string]string, _ time.Time) *faultError {
	if f["channel"] == "" {
		return fault("channel", "is empty")
	}
	if f["proof"] == "" {
		if r.entry.State == ledger.StateGiven {
			return fault("proof", "is needed for a grant: say where its proof is")
		}
		r.entry.Proof = ledger.ProofNone
	}
	if r.entry.State == ledger.StateGiven && r.purpose.Basis != consent.BasisConsent {
		return fault("state", "given is for purposes on consent")
	}
	return nil
}

func (r *row) end(f map[string]string, _ time.Time) *faultError {
	if f["until"] == "" {
		return nil
	}
	at, err := time.Parse(time.DateOnly, f["until"])
	if err != nil {
		return fault("until", "must be a day as 2027-01-31")
	}
	if r.entry.State != ledger.StateGiven || !at.After(r.entry.At) {
		return fault("until", "is for grants, and after their time")
	}
	r.until, r.entry.Until = at, at
	return nil
}

// of reads what is said of the person: country, and of a minor the guardian.
func (r *row) of(f map[string]string, _ time.Time) *faultError {
	if c := f["country"]; c != "" {
		if len(c) != 2 || strings.ToUpper(c) != c || c[0] < 'A' || c[0] > 'Z' || c[1] < 'A' || c[1] > 'Z' {
			return fault("country", "must be two capital letters, as SK")
		}
		r.country = c
	}
	if (f["guardian"] == "") != (f["born"] == "") {
		return fault("guardian", "comes with born, and only so")
	}
	if f["guardian"] == "" {
		return nil
	}
	born, err := time.Parse(time.DateOnly, f["born"])
	if err != nil {
		return fault("born", "must be a day as 2014-01-31")
	}
	if r.entry.State != ledger.StateGiven {
		return fault("guardian", "is for grants")
	}
	r.minor, r.ref = guardian.Minor{Born: born, Country: r.country}, f["guardian"]
	return nil
}

// digest is of everything that a row says but whose it is.
func digest(f map[string]string) [32]byte {
	h := sha256.New()
	for _, name := range columns {
		if name == "kind" || name == "identifier" {
			continue
		}
		_ = binary.Write(h, binary.BigEndian, uint32(len(f[name]))) // a hash never fails
		h.Write([]byte(f[name]))
	}
	return [32]byte(h.Sum(nil))
}

// entries are what a row writes about its contact.
func (im *Importer) entries(r *row, contact event.Handle, bad error) ([]ledger.Entry, *faultError) {
	if bad != nil {
		return nil, fault("identifier", "cannot be read as its kind")
	}
	e := r.entry
	e.Subject = contact
	e.Key = "import " + hex.EncodeToString(contact[:]) + " " + hex.EncodeToString(r.fields[:])
	entries := []ledger.Entry{e}
	switch {
	case r.ref != "":
		var err error
		if entries, err = guardian.Entries(r.purpose, e, r.minor, r.ref, r.until); err != nil {
			return nil, guardianFault(err)
		}
	case r.country != "":
		located := ledger.Entry{
			Site: e.Site, Subject: contact, State: ledger.StateLocated, Country: r.country, Type: ledger.EventExpressed, Proof: e.Proof,
			ProofRef: e.ProofRef, Channel: e.Channel, Surface: e.Surface, Actor: e.Actor, At: e.At, Key: e.Key + " located",
		}
		entries = []ledger.Entry{located, e}
	}
	for i := range entries {
		if err := entries[i].Validate(); err != nil {
			return nil, fault("row", "cannot be written: a text in it is too long, or channel or locale have signs other than A-Z a-z 0-9 _ - . :")
		}
	}
	return entries, nil
}

// guardianFault names the field that a guardian's grant fails by, in words of ours,
// which hold nothing of a row.
func guardianFault(err error) *faultError {
	switch {
	case errors.Is(err, guardian.ErrBorn):
		return fault("born", guardian.ErrBorn.Error())
	case errors.Is(err, guardian.ErrNoMinor):
		return fault("born", guardian.ErrNoMinor.Error())
	case errors.Is(err, guardian.ErrProfiles):
		return fault("purpose", guardian.ErrProfiles.Error())
	case errors.Is(err, guardian.ErrBasis):
		return fault("purpose", guardian.ErrBasis.Error())
	default:
		return fault("guardian", "cannot be used")
	}
}
