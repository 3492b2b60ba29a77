package receipt

import (
	"bytes"
	"encoding/json"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/piprate/json-gold/ld"
	"github.com/santhosh-tekuri/jsonschema/v6"

	"zgoda/control/ledger"
	"zgoda/event"
)

var at = time.Date(2026, 11, 22, 1, 2, 3, 0, time.UTC)

func site() *Site {
	return &Site{
		ID: "shop",
		Controller: Controller{
			Name: "Quiet Desk Ltd.", Address: "1 Example Street, Bratislava", Establishment: "SK",
			Email: "dpo@shop.example", Phone: "+421 2 000", PolicyURL: "https://shop.example/privacy",
		},
		Purposes: []Purpose{
			{
				ID: "analytics", Kind: "analytics", Basis: "consent", Version: 2, Text: map[string]string{"sk": "Smieme?"}, TextHash: [32]byte{7},
				Retention: "P13M", Data: []string{"pages seen"}, Locations: []string{"SK"},
			},
			{
				ID: "marketing", Kind: "marketing", Basis: "consent", Version: 1, Retention: "P13M", DPV: "dpv:DirectMarketing",
				Data: []string{"orders"}, Locations: []string{"SK", "DE"}, Recipients: []string{"Post a.s.", "Mailer GmbH"}, Special: true,
			},
			{ID: "measurement", Kind: "measurement", Basis: "legitimate_interest", Version: 1, Retention: "P25M", Data: []string{"counts"}, Locations: []string{"SK"}},
			{ID: "unused", Kind: "profiling", Basis: "consent", Version: 1, Retention: "P1D"},
		},
	}
}

func who() Subject {
	h := event.Handle{1, 2}
	return Subject{Handle: h, Name: h.Text(event.KindUserID)}
}

func entries() []ledger.Entry {
	e := func(n byte, p event.PurposeID, s ledger.State, t ledger.EventType) ledger.Entry {
		return ledger.Entry{
			Sequence: event.Sequence(n), Number: ledger.Number(n), Writer: "node", Hash: [32]byte{n}, Site: "shop", Subject: who().Handle,
			Purpose: p, PurposeVersion: 2, TextHash: [32]byte{7}, State: s, Type: t, Channel: "dialogue", Locale: "sk-SK",
			At: at.Add(time.Duration(n) * time.Hour), Actor: "CANARY actor", Reason: "CANARY reason", RawSignal: "CANARY signal",
		}
	}
	all := []ledger.Entry{
		e(1, "analytics", ledger.StateRequested, ledger.EventExplicit),
		e(2, "analytics", ledger.StateGiven, ledger.EventExplicit),
		e(3, "analytics", ledger.StateExpired, ledger.EventImplied),
		e(4, "analytics", ledger.StateGiven, ledger.EventExplicit),
		e(5, "marketing", ledger.StateRefused, ledger.EventExpressed),
		e(6, "marketing", ledger.StateRenewed, ledger.EventExplicit),
		e(7, "measurement", ledger.StateObjected, ledger.EventExpressed),
		e(8, "", ledger.StateProfilingOff, ledger.EventExplicit),
		e(9, "gone", ledger.StateGiven, ledger.EventExplicit),
		e(10, "analytics", ledger.StateRequested, ledger.EventExplicit),
	}
	all[3].Until, all[3].Guardian, all[3].GuardianRef = at.AddDate(1, 0, 0), true, "CANARY passport"
	return all
}

func compiled(t *testing.T, name string) *jsonschema.Schema {
	t.Helper()
	raw, err := Schemas.ReadFile("schema/" + name + ".json")
	if err != nil {
		t.Fatal(err)
	}
	doc, err := jsonschema.UnmarshalJSON(bytes.NewReader(raw))
	if err != nil {
		t.Fatal(err)
	}
	c := jsonschema.NewCompiler()
	c.AssertFormat()
	if err := c.AddResource("urn:zgoda:"+name, doc); err != nil {
		t.Fatal(err)
	}
	s, err := c.Compile("urn:zgoda:" + name)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func parsed(t *testing.T, raw []byte) any {
	t.Helper()
	v, err := jsonschema.UnmarshalJSON(bytes.NewReader(raw))
	if err != nil {
		t.Fatal(err)
	}
	return v
}

// documents are the three, by the names of their schemas.
func documents(t *testing.T, s *Site) map[string][]byte {
	t.Helper()
	record, err := Record(s, who(), entries())
	if err != nil {
		t.Fatal(err)
	}
	receipt, err := Receipt(s, who(), entries(), at)
	if err != nil {
		t.Fatal(err)
	}
	kantara, err := Kantara(s, who(), entries())
	if err != nil {
		t.Fatal(err)
	}
	return map[string][]byte{"record": record, "receipt": receipt, "kantara": kantara}
}

func TestValidAgainstSchemas(t *testing.T) {
	for name, raw := range documents(t, site()) {
		if err := compiled(t, name).Validate(parsed(t, raw)); err != nil {
			t.Errorf("%s: %v\n%s", name, err, raw)
		}
		if strings.Contains(string(raw), "CANARY") {
			t.Errorf("%s holds free texts of the ledger", name)
		}
	}
}

// TestSchemasRefuse: without any one of its members a document is not valid.
func TestSchemasRefuse(t *testing.T) {
	optional := map[string]bool{"language": true}
	for name, raw := range documents(t, site()) {
		schema := compiled(t, name)
		var keys map[string]any
		if err := json.Unmarshal(raw, &keys); err != nil {
			t.Fatal(err)
		}
		for key := range keys {
			if optional[key] {
				continue
			}
			v, ok := parsed(t, raw).(map[string]any)
			if !ok {
				t.Fatal("not an object")
			}
			delete(v, key)
			if schema.Validate(v) == nil {
				t.Errorf("%s is valid without %s", name, key)
			}
		}
	}
	record := compiled(t, "record")
	v := parsed(t, documents(t, site())["record"])
	list := v.(map[string]any)["@graph"].([]any)[0].(map[string]any)
	for key, was := range list {
		delete(list, key)
		if record.Validate(v) == nil {
			t.Errorf("a record is valid without %s", key)
		}
		list[key] = was
	}
}

// noNetwork refuses to fetch anything.
type noNetwork struct{ t *testing.T }

func (n noNetwork) LoadDocument(string) (*ld.RemoteDocument, error) {
	n.t.Error("a document was to be fetched")
	return nil, errors.New("no network")
}

// TestExpands: as JSON-LD no member is lost, and every type is of the vocabulary.
func TestExpands(t *testing.T) {
	options := ld.NewJsonLdOptions("")
	options.DocumentLoader = noNetwork{t}
	docs := documents(t, site())
	for _, name := range []string{"record", "receipt"} {
		var v any
		if err := json.Unmarshal(docs[name], &v); err != nil {
			t.Fatal(err)
		}
		expanded, err := ld.NewJsonLdProcessor().Expand(v, options)
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		var out bytes.Buffer
		if err := json.NewEncoder(&out).Encode(expanded); err != nil {
			t.Fatal(err)
		}
		for _, prefix := range []string{"dpv:", "dct:", "eu-gdpr:", "xsd:", "skos:"} {
			written := strings.Count(string(docs[name]), `"`+prefix)
			if written > 0 && strings.Contains(out.String(), `"`+prefix) {
				t.Errorf("%s: %s was not expanded", name, prefix)
			}
		}
		for _, term := range []string{
			"https://w3id.org/dpv#ConsentRecord", "https://w3id.org/dpv#ConsentGiven", "https://w3id.org/dpv#RenewedConsentGiven",
			"https://w3id.org/dpv#ConsentRequested", "https://w3id.org/dpv#ConsentExpired", "https://w3id.org/dpv#ConsentRefused",
			"https://w3id.org/dpv#GuardianOfDataSubject", "https://w3id.org/dpv/legal/eu/gdpr#A21", "https://w3id.org/dpv/legal/eu/gdpr#A9-2-a",
			"https://w3id.org/dpv#hasConsentControl", "https://w3id.org/dpv#hasStorageCondition", "http://purl.org/dc/terms/valid",
		} {
			if !strings.Contains(out.String(), `"`+term+`"`) {
				t.Errorf("%s lost %s", name, term)
			}
		}
		if got, want := members(expanded), members(v); got != want {
			t.Errorf("%s: %d members of %d are left", name, got, want)
		}
	}
}

// members counts the properties of all objects, without JSON-LD's own.
func members(v any) int {
	n := 0
	switch v := v.(type) {
	case map[string]any:
		for key, value := range v {
			if key == "@context" {
				continue
			}
			if !strings.HasPrefix(key, "@") {
				n++
			}
			n += members(value)
		}
	case []any:
		for _, value := range v {
			n += members(value)
		}
	}
	return n
}

func TestKantaraSays(t *testing.T) {
	var r struct {
		ConsentTimestamp int64
		Sensitive        bool
		SpiCat           []string
		Services         []struct {
			Purposes []struct {
				Purpose, ThirdPartyName string
				ThirdPartyDisclosure    bool
			}
		}
	}
	if err := json.Unmarshal(documents(t, site())["kantara"], &r); err != nil {
		t.Fatal(err)
	}
	p := r.Services[0].Purposes
	if r.ConsentTimestamp != at.Add(6*time.Hour).Unix() || !r.Sensitive || len(r.SpiCat) != 1 || len(p) != 2 ||
		p[0].Purpose != "analytics" || p[0].ThirdPartyDisclosure || p[1].ThirdPartyName != "Post a.s., Mailer GmbH" {
		t.Errorf("got %+v", r)
	}
	withdrawn := append(entries(), ledger.Entry{Purpose: "analytics", State: ledger.StateWithdrawn}, ledger.Entry{Purpose: "marketing", State: ledger.StateExpired})
	if _, err := Kantara(site(), who(), withdrawn); !errors.Is(err, ErrNothingGiven) {
		t.Errorf("got %v", err)
	}
}

func TestMissingKeysAreNamed(t *testing.T) {
	for key, spoil := range map[string]func(*Site){
		"controller.name":                      func(s *Site) { s.Controller.Name = "" },
		"controller.address":                   func(s *Site) { s.Controller.Address = " " },
		"controller.establishment":             func(s *Site) { s.Controller.Establishment = "" },
		"controller.email":                     func(s *Site) { s.Controller.Email = "" },
		"controller.phone":                     func(s *Site) { s.Controller.Phone = "" },
		"controller.policy_url":                func(s *Site) { s.Controller.PolicyURL = "" },
		"purposes analytics.data":              func(s *Site) { s.Purposes[0].Data = nil },
		"purposes marketing.storage_locations": func(s *Site) { s.Purposes[1].Locations = nil },
	} {
		s := site()
		spoil(s)
		_, record := Record(s, who(), entries())
		_, receipt := Receipt(s, who(), entries(), at)
		_, kantara := Kantara(s, who(), entries())
		for _, err := range []error{record, receipt, kantara} {
			if !errors.Is(err, ErrMissing) || !strings.Contains(err.Error(), key) {
				t.Errorf("%s: got %v", key, err)
			}
		}
	}
}

// TestMissingKeysAreNamedOnce: all of them, in one sentence.
func TestMissingKeysAreNamedOnce(t *testing.T) {
	s := site()
	s.Controller.Phone, s.Purposes[0].Data, s.Purposes[1].Locations = "", nil, nil
	_, err := Receipt(s, who(), entries(), at)
	want := ErrMissing.Error() + ": site shop: controller.phone, purposes analytics.data, purposes marketing.storage_locations"
	if err == nil || err.Error() != want {
		t.Errorf("got %v", err)
	}
}

func TestIdentifiersStay(t *testing.T) {
	a, b := documents(t, site()), documents(t, site())
	for name := range a {
		if !bytes.Equal(a[name], b[name]) {
			t.Errorf("%s is another one the second time", name)
		}
	}
}

// TestWordsOfOldVersions: the words that a person agreed to are in the document
// though the site shows others now.
func TestWordsOfOldVersions(t *testing.T) {
	s := site()
	s.Purposes[0].Text, s.Purposes[0].TextHash, s.Purposes[0].Version = map[string]string{"sk": "Smieme viac?"}, [32]byte{8}, 3
	for _, kept := range []bool{false, true} {
		s.Kept = nil
		if kept {
			s.Kept = map[[32]byte]map[string]string{{7}: {"sk": "Smieme?", "en": "May we?"}}
		}
		raw, err := Record(s, who(), entries()[:2])
		if err != nil {
			t.Fatal(err)
		}
		if strings.Contains(string(raw), "Smieme viac?") || strings.Contains(string(raw), `"dct:description": "Smieme?"`) != kept {
			t.Errorf("kept %v: %s", kept, raw)
		}
	}
}
