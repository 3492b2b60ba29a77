package choice

import (
	"context"
	"errors"
	"fmt"

	"github.com/prometheus/client_golang/prometheus"

	"zgoda/collector"
	"zgoda/event"
	"zgoda/jsontape"
	"zgoda/subjects"
)

const (
	maxUserID = 512
	maxProof  = 64 // an HMAC-SHA-256 in hexadecimal
)

// surfaceAPI is the surface that shows a person nothing.
const surfaceAPI = "api"

// metrics count what became of contacts that choices named.
type metrics struct {
	proven, claimed, wrong prometheus.Counter
}

func newMetrics(r prometheus.Registerer) (*metrics, error) {
	contacts := prometheus.NewCounterVec(prometheus.CounterOpts{
		Name: "zgoda_choice_contacts_total", Help: "Contacts that choices named with a public key: proven, claimed without a proof and dropped, or refused for a wrong one.",
	}, []string{"fate"})
	m := &metrics{
		proven: contacts.WithLabelValues("proven"), claimed: contacts.WithLabelValues("claimed"), wrong: contacts.WithLabelValues("wrong"),
	}
	if r == nil {
		return m, nil
	}
	if err := r.Register(contacts); err != nil {
		return nil, fmt.Errorf("register the metrics of choices: %w", err)
	}
	return m, nil
}

// identifier reads the contact's id as events carry it: a text or a number.
func (r *reader) identifier(v jsontape.Value) {
	id := v.Text()
	if v.Type() == jsontape.Number {
		id = v.Digits()
	}
	if len(id) == 0 || len(id) > maxUserID {
		r.bad("The member must be a text of 1 to 512 bytes", "userId")
		return
	}
	r.out.userID = append([]byte{}, id...)
}

// context reads the other place in which SDKs carry a proof.
func (r *reader) context(v jsontape.Value) {
	for m := v.Members(); m.Next(); {
		if string(m.Name()) != "proof" {
			r.bad("The member may hold a proof and nothing else", "context")
			return
		}
		r.prove(m.Value())
	}
	if v.Type() != jsontape.Object {
		r.bad("The member must be an object", "context")
	}
}

func (r *reader) prove(v jsontape.Value) {
	if r.out.proof != "" {
		r.bad("There are two proofs", "proof")
		return
	}
	r.out.proof = r.text(v, "proof", maxProof, isHex)
	r.out.hasProof = true
}

func isHex(c rune) bool { return isDigit(c) || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F') }

// speaker says for which contact the statement speaks. Without a proof the userId
// is a claim, as in events: it is dropped before anything looks at it. Whether a
// proof is right depends on the site's secret alone, so that a refusal tells
// nothing of whom there is.
func (d *Desk) speaker(site *collector.Site, said *statement) *fault {
	switch {
	case !said.hasProof:
		if said.userID != nil {
			said.userID = nil
			d.metrics.claimed.Inc()
		}
	case said.userID == nil:
		return &fault{400, "A proof is of a userId, which is missing", "userId"}
	case !site.Proven(said.userID, []byte(said.proof)):
		d.metrics.wrong.Inc()
		return &fault{403, "The proof is not the HMAC-SHA-256 of this userId under the site's secret", "proof"}
	case said.grants() && (said.surface == "" || said.surface == surfaceAPI):
		return &fault{400, "A grant for a contact is given where its text is shown: name that surface", "surface"}
	}
	return nil
}

// contact finds the contact whom the proof entitles the statement to speak for,
// and makes it if need be: a refusal by somebody not known yet has to hold too.
func (d *Desk) contact(ctx context.Context, r *Request, site *collector.Site, userID []byte) (event.Handle, error) {
	both, err := d.deps.Blinder.BlindBoth(site.ID, event.KindUserID, userID)
	if err != nil {
		return event.Handle{}, errUserID
	}
	ids, out := [1]subjects.Identity{subjects.IdentityOf(both, event.KindUserID, true)}, [1]subjects.Entry{}
	if err := d.deps.People.Load(ctx, site.ID, r.ReceivedAt, ids[:], out[:]); err != nil {
		return event.Handle{}, fmt.Errorf("load the contact: %w", err)
	}
	d.metrics.proven.Inc()
	return out[0].Handles.Consent, nil
}

var errUserID = errors.New("the userId is no usable identifier")
