package choice

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"strings"
	"testing"

	"github.com/prometheus/client_golang/prometheus"
	dto "github.com/prometheus/client_model/go"

	"zgoda/consent"
	"zgoda/consent/cookie"
	"zgoda/event"
)

func proofOf(secret, userID string) string {
	mac := hmac.New(sha256.New, []byte(secret))
	mac.Write([]byte(userID))
	return hex.EncodeToString(mac.Sum(nil))
}

func count(t *testing.T, c prometheus.Counter) float64 {
	t.Helper()
	var m dto.Metric
	if err := c.Write(&m); err != nil {
		t.Fatal(err)
	}
	return m.GetCounter().GetValue()
}

// user is the handle that the fixture gives a contact.
func user(id string) (h event.Handle) {
	copy(h[:], "user "+id)
	return h
}

func said(more, choices string) string {
	return `{"key":"pk","version":"7","surface":"dialogue",` + more + `"choices":` + choices + `}`
}

// TestProvenContactChooses: whoever brings the proof refuses, withdraws, objects
// and grants for the contact, and for the visitor of the browser as ever.
func TestProvenContactChooses(t *testing.T) {
	proof := proofOf("sk", "jana")
	for name, more := range map[string]string{
		"beside":     `"userId":"jana","proof":"` + proof + `",`,
		"in context": `"userId":"jana","context":{"proof":"` + strings.ToUpper(proof) + `"},`,
	} {
		t.Run(name, func(t *testing.T) {
			p, l := setUp(t)
			if a := p.write(said(more, `{"analytics":true,"profiling":true}`)); a.Status != 200 {
				t.Fatalf("status %d, %+v", a.Status, a.Problem)
			}
			if got := l.records[user("jana")]; got.Purposes[1].Choice != consent.ChoiceGiven || got.Purposes[2].Choice != consent.ChoiceGiven {
				t.Errorf("the contact's record: %+v", got)
			}
			if len(l.records) != 2 || l.made != 1 || p.cookies[cookie.Visitor] == "" {
				t.Errorf("%d records, %d contacts made", len(l.records), l.made)
			}
			if a := p.write(said(more, `{"profiling":false,"measurement":false}`)); a.Status != 200 {
				t.Fatalf("status %d, %+v", a.Status, a.Problem)
			}
			for who, record := range l.records {
				if record.Purposes[2].Choice != consent.ChoiceRefused || record.Purposes[0].Choice != consent.ChoiceRefused || record.Purposes[1].Choice != consent.ChoiceGiven {
					t.Errorf("contact %v: %+v", who == user("jana"), record)
				}
			}
			if got := count(t, p.desk.metrics.proven); got != 2 {
				t.Errorf("%v proofs counted", got)
			}
		})
	}
}

// TestProvenRefusalNeedsNoVisitor: a refusal is recorded for the contact, and the
// browser still gets no identifier.
func TestProvenRefusalNeedsNoVisitor(t *testing.T) {
	p, l := setUp(t)
	a := p.write(said(`"userId":"jana","proof":"`+proofOf("sk", "jana")+`",`, `{"profiling":false}`))
	if a.Status != 200 || a.State.Visitor || p.cookies[cookie.Visitor] != "" {
		t.Fatalf("status %d, %+v", a.Status, a.State)
	}
	if len(l.records) != 1 || l.records[user("jana")].Purposes[2].Choice != consent.ChoiceRefused || l.metas[0].Contact != user("jana") {
		t.Errorf("%d records", len(l.records))
	}
}

// TestClaimedContact: without a proof the userId is dropped before anything looks
// at it, counted, and the visitor's choice holds.
func TestClaimedContact(t *testing.T) {
	p, l := setUp(t)
	if a := p.write(said(`"userId":"jana",`, `{"analytics":true}`)); a.Status != 200 || !a.State.Purposes["analytics"].Allowed {
		t.Fatalf("status %d, %+v", a.Status, a.State)
	}
	if len(l.records) != 1 || l.made != 0 || !l.metas[0].Contact.IsZero() || count(t, p.desk.metrics.claimed) != 1 {
		t.Errorf("%d records, %d made", len(l.records), l.made)
	}
}

func TestWrongProofs(t *testing.T) {
	good := proofOf("sk", "jana")
	for name, c := range map[string]struct {
		more, surface string
		status        int
		field         string
		counted       float64
	}{
		"of another":           {`"userId":"eva","proof":"` + good + `",`, "dialogue", 403, "proof", 1},
		"of another secret":    {`"userId":"jana","proof":"` + proofOf("sk2", "jana") + `",`, "dialogue", 403, "proof", 1},
		"cut":                  {`"userId":"jana","proof":"` + good[:62] + `",`, "dialogue", 403, "proof", 1},
		"empty":                {`"userId":"jana","proof":"",`, "dialogue", 403, "proof", 1},
		"no text":              {`"userId":"jana","proof":7,`, "dialogue", 400, "proof", 0},
		"no hexadecimal":       {`"userId":"jana","proof":"` + strings.Repeat("z", 64) + `",`, "dialogue", 400, "proof", 0},
		"two":                  {`"userId":"jana","proof":"` + good + `","context":{"proof":"` + good + `"},`, "dialogue", 400, "proof", 0},
		"of nobody":            {`"proof":"` + good + `",`, "dialogue", 400, "userId", 0},
		"userId is an object":  {`"userId":{},"proof":"` + good + `",`, "dialogue", 400, "userId", 0},
		"userId is empty":      {`"userId":"","proof":"` + good + `",`, "dialogue", 400, "userId", 0},
		"userId is long":       {`"userId":"` + strings.Repeat("j", 513) + `","proof":"` + good + `",`, "dialogue", 400, "userId", 0},
		"userId unusable":      {`"userId":" ","proof":"` + proofOf("sk", " ") + `",`, "dialogue", 400, "userId", 0},
		"context holds more":   {`"userId":"jana","context":{"proof":"` + good + `","ip":"192.0.2.1"},`, "dialogue", 400, "context", 0},
		"context is a text":    {`"userId":"jana","context":"x",`, "dialogue", 400, "context", 0},
		"not where it is read": {`"userId":"jana","proof":"` + good + `",`, "api", 400, "surface", 0},
	} {
		t.Run(name, func(t *testing.T) {
			p, l := setUp(t)
			body := strings.Replace(said(c.more, `{"analytics":true}`), "dialogue", c.surface, 1)
			a := p.write(body)
			if a.Status != c.status || a.Problem.Field != c.field || len(a.Cookies) != 0 {
				t.Errorf("status %d, %+v", a.Status, a.Problem)
			}
			if len(l.metas) != 0 || len(l.records) != 0 || l.made != 0 {
				t.Error("something was written")
			}
			if got := count(t, p.desk.metrics.wrong); got != c.counted {
				t.Errorf("%v wrong proofs counted", got)
			}
			if strings.Contains(a.Problem.Title+a.Problem.Detail, "jana") {
				t.Error("the answer repeats the id")
			}
		})
	}
}

// TestContactIsToldNothing: with a wrong proof, a right one and none, the answer
// is the same whether or not the contact is known and whatever it refused.
func TestContactIsToldNothing(t *testing.T) {
	for name, more := range map[string]string{
		"claim": `"userId":"jana",`,
		"wrong": `"userId":"jana","proof":"` + proofOf("x", "jana") + `",`,
		"right": `"userId":"jana","proof":"` + proofOf("sk", "jana") + `",`,
	} {
		var answers [2]string
		for i := range answers {
			p, l := setUp(t)
			if i == 1 {
				l.records[user("jana")] = consent.Record{ProfilingOff: true, State: consent.StateRestricted}
			}
			a := p.write(said(more, `{"analytics":true,"profiling":true}`))
			text, err := json.Marshal(a.State)
			if err != nil {
				t.Fatal(err)
			}
			answers[i] = a.Problem.Title + string(text)
		}
		if answers[0] != answers[1] {
			t.Errorf("%s: the answer tells of the contact:\n%s\n%s", name, answers[0], answers[1])
		}
	}
}

func TestContactWhileAway(t *testing.T) {
	p, l := setUp(t)
	l.away = true
	r := p.request()
	r.Body = []byte(said(`"userId":"jana","proof":"`+proofOf("sk", "jana")+`",`, `{"profiling":false}`))
	if a := p.desk.Write(context.Background(), r); a.Status != 503 || len(a.Cookies) != 0 || a.RetryAfter == 0 {
		t.Errorf("status %d", a.Status)
	}
}
