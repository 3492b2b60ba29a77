package console_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"mime/multipart"
	"net/http"
	"strings"
	"testing"

	"zgoda/console"
	"zgoda/console/consoletest"
	"zgoda/pseudonym"
)

const contacts = "/api/v1/sites/demo/contacts"

// kept is what a reveal shows.
type kept struct {
	Contact  string
	Revision uint64
	Data     []struct {
		ID                               int64
		Kind, Name, Value, Source, Basis string
		Seen                             string
	}
	Documents []struct{ ID, Name, Type, Source string }
	Approval  string
}

func reveal(t *testing.T, r *consoletest.Running, body string) kept {
	t.Helper()
	a := do(t, r, "POST", contacts+":reveal", body)
	if a.status != http.StatusOK {
		t.Fatalf("%d %s", a.status, a.body)
	}
	var k kept
	a.json(t, &k)
	return k
}

// TestMakeWithData: a contact is made with what is known of it, from where.
func TestMakeWithData(t *testing.T) {
	r := consoletest.Start(t, nil)
	const body = `{"identifier":"email:jana@example.org","identifiers":["phone:+421 905 123 456"],"traits":{"name":"Jana","city":"Košice"},"source":"crm","basis":"contract","seen":"2026-01-02T03:04:05Z"}`
	if a := do(t, r, "POST", contacts, body); a.status != http.StatusCreated {
		t.Fatalf("%d %s", a.status, a.body)
	}
	k := reveal(t, r, janaAsked)
	var got []string
	for _, d := range k.Data {
		got = append(got, d.Kind+d.Name+"="+d.Value)
		if d.Source != "crm" || d.Basis != "contract" || d.Seen != "2026-01-02T03:04:05Z" {
			t.Errorf("%+v", d)
		}
	}
	if want := "email=jana@example.org phone=+421 905 123 456 city=Košice name=Jana"; strings.Join(got, " ") != want {
		t.Errorf("%v", got)
	}
	for what, body := range map[string]string{
		"no source":  `{"identifier":"email:a@example.org","traits":{"name":"Jana"}}`,
		"a visitor":  `{"identifier":"visitor:v-1","source":"crm"}`,
		"a wrong id": `{"identifier":"email:a@example.org","identifiers":["nothing"],"source":"crm"}`,
	} {
		if a := do(t, r, "POST", contacts, body); a.status != http.StatusUnprocessableEntity {
			t.Errorf("%s: %d %s", what, a.status, a.body)
		}
	}
	if a := do(t, r, "POST", contacts+":find", `{"identifier":"email:a@example.org"}`); a.status != http.StatusNotFound {
		t.Error("a contact was made with data that were refused")
	}
}

const janaAsked = `{"identifier":"email:jana@example.org","reason":"request 12"}`

func TestData(t *testing.T) {
	r := consoletest.Start(t, nil)
	handle := contact(t, r, "email:jana@example.org")
	a := do(t, r, "POST", contacts+":put", `{"identifier":"email:jana@example.org","reason":"request 11","data":[
		{"kind":"phone","value":"+421 905 123 456","source":"call","basis":"contract","seen":"2026-01-02T03:04:05Z"},{"name":"name","value":"Jana","source":"form"}]}`)
	if a.status != http.StatusOK || !strings.Contains(a.body, `"ids":[1,2]`) {
		t.Fatalf("%d %s", a.status, a.body)
	}
	k := reveal(t, r, janaAsked)
	if k.Contact != handle || len(k.Data) != 2 || k.Data[0].Kind != "phone" || k.Data[0].Value != "+421 905 123 456" || k.Data[0].Source != "call" ||
		k.Data[0].Basis != "contract" || k.Data[0].Seen != "2026-01-02T03:04:05Z" || k.Data[1].Name != "name" || k.Data[1].Kind != "" {
		t.Errorf("another one came back: %+v", k)
	}
	if again := reveal(t, r, fmt.Sprintf(`{"contact":%q,"reason":"request 12"}`, handle)); again.Contact != handle {
		t.Error("by its handle another contact is shown")
	}
	if a := do(t, r, "POST", contacts+":remove", `{"identifier":"email:jana@example.org","ids":[1]}`); a.status != http.StatusOK {
		t.Errorf("%d %s", a.status, a.body)
	}
	if k := reveal(t, r, janaAsked); len(k.Data) != 1 {
		t.Errorf("%d data are left", len(k.Data))
	}
	for _, act := range r.People.Acts() {
		if act.Actor != "token:local" {
			t.Errorf("the keyholder was told that %q acts", act.Actor)
		}
	}
	if log := r.Log.String(); strings.Contains(log, "jana") || strings.Contains(log, "905") {
		t.Errorf("the log tells: %s", log)
	}
}

func TestDataRefusals(t *testing.T) {
	r := consoletest.Start(t, nil)
	contact(t, r, "email:jana@example.org")
	who := `"identifier":"email:jana@example.org"`
	for name, test := range map[string]struct {
		verb, body string
		status     int
		says       string
	}{
		"nobody named":        {"reveal", `{"reason":"r"}`, 422, "not by both"},
		"two named":           {"reveal", `{` + who + `,"contact":"c_00000000000000000000000000","reason":"r"}`, 422, "not by both"},
		"no reason":           {"reveal", `{` + who + `}`, 422, "reason"},
		"unknown":             {"reveal", `{"identifier":"email:canary@example.org","reason":"r"}`, 404, "no contact"},
		"a visitor":           {"reveal", `{"identifier":"visitor:canary","reason":"r"}`, 422, "body.identifier"},
		"an unknown kind":     {"reveal", `{"identifier":"canary:canary","reason":"r"}`, 422, "body.identifier"},
		"no pseudonym":        {"reveal", `{"contact":"canary","reason":"r"}`, 422, "26 letters"},
		"nobody's pseudonym":  {"reveal", `{"contact":"c_04000000000000000000000000","reason":"r"}`, 404, "no contact"},
		"no data":             {"put", `{` + who + `,"data":[]}`, 422, "data"},
		"no source":           {"put", `{` + who + `,"data":[{"name":"n","value":"canary"}]}`, 422, "source"},
		"kind and name":       {"put", `{` + who + `,"data":[{"name":"n","kind":"email","value":"canary","source":"s"}]}`, 422, "not both"},
		"a kind of none":      {"put", `{` + who + `,"data":[{"kind":"canary","value":"v","source":"s"}]}`, 422, "kind"},
		"changed meanwhile":   {"put", `{` + who + `,"revision":99,"data":[{"name":"n","value":"v","source":"s"}]}`, 409, "have changed"},
		"nothing to remove":   {"remove", `{` + who + `}`, 422, "data or documents"},
		"not there":           {"remove", `{` + who + `,"ids":[99]}`, 404, "no such"},
		"no document's id":    {"remove", `{` + who + `,"documents":["canary"]}`, 422, "hexadecimal"},
		"no such document":    {"document", `{` + who + `,"reason":"r","document":"00000000000000000000000000000009"}`, 404, "no such"},
		"merged with itself":  {"merge", `{"keep":{` + who + `},"drop":{` + who + `},"reason":"r"}`, 409, "one contact already"},
		"too many pseudonyms": {"list", `{"pseudonyms":[` + strings.Repeat(`"c_00000000000000000000000000",`, 64) + `"c_00000000000000000000000000"]}`, 422, "pseudonyms"},
	} {
		a := do(t, r, "POST", contacts+":"+test.verb, test.body)
		if a.problem(t); a.status != test.status || !strings.Contains(a.body, test.says) || strings.Contains(a.body, "canary") {
			t.Errorf("%s: %d %s", name, a.status, a.body)
		}
	}
	for name, test := range map[string]struct {
		err    error
		status int
	}{
		"refused":     {&pseudonym.Refusal{Act: "reveal", Text: "a rule"}, 422},
		"not allowed": {fmt.Errorf("x: %w: canary", pseudonym.ErrNotAllowed), 403},
		"away":        {fmt.Errorf("x: %w: canary", pseudonym.ErrAway), 503},
		"not found":   {fmt.Errorf("x: %w", pseudonym.ErrNotFound), 404},
	} {
		r.People.Fail(test.err)
		for _, verb := range []string{"reveal", "document"} {
			body := janaAsked
			if verb == "document" {
				body = strings.Replace(janaAsked, "}", `,"document":"00000000000000000000000000000009"}`, 1)
			}
			if a := do(t, r, "POST", contacts+":"+verb, body); a.status != test.status || strings.Contains(a.body, "canary") {
				t.Errorf("%s of a keyholder that has %s: %d %s", verb, name, a.status, a.body)
			}
		}
	}
}

func TestWhoMayReveal(t *testing.T) {
	r := consoletest.Start(t, nil)
	contact(t, r, "email:jana@example.org")
	for role, status := range map[console.Role]int{
		console.RoleAdministrator: 200, console.RoleOperator: 200, console.RoleDPO: 200, console.RoleAnalyst: 403,
	} {
		a := send(t, r, call{method: "POST", path: contacts + ":reveal", body: janaAsked, token: token(t, r, role)})
		if a.status != status {
			t.Errorf("%s: %d", role, a.status)
		}
	}
	if a := send(t, r, call{method: "POST", path: contacts + ":reveal", body: janaAsked}); a.status != http.StatusUnauthorized {
		t.Errorf("nobody: %d", a.status)
	}
}

func TestSecondPerson(t *testing.T) {
	r := consoletest.Start(t, nil)
	contact(t, r, "email:jana@example.org")
	above := `{"identifier":"email:jana@example.org","reason":"above the limit"`
	a := do(t, r, "POST", contacts+":reveal", above+"}")
	var k kept
	if a.json(t, &k); a.status != http.StatusAccepted || k.Approval == "" || k.Data != nil {
		t.Fatalf("%d %s", a.status, a.body)
	}
	if a := do(t, r, "GET", "/api/v1/reveals", ""); a.status != http.StatusOK || !strings.Contains(a.body, k.Approval) {
		t.Errorf("%d %s", a.status, a.body)
	}
	second := token(t, r, console.RoleDPO)
	if a := send(t, r, call{method: "POST", path: "/api/v1/reveals/" + strings.Repeat("0", 32) + ":approve", token: second}); a.status != http.StatusNotFound {
		t.Errorf("no such reveal: %d", a.status)
	}
	if a := send(t, r, call{method: "POST", path: "/api/v1/reveals/" + k.Approval + ":approve", token: second}); a.status != http.StatusNoContent {
		t.Fatalf("approve: %d %s", a.status, a.body)
	}
	reveal(t, r, above+`,"approval":"`+k.Approval+`"}`)
	acts := r.People.Acts()
	if !strings.HasPrefix(acts[len(acts)-3].Actor, "token:test") {
		t.Errorf("%q approved", acts[len(acts)-3].Actor)
	}
}

func TestMergeOfContacts(t *testing.T) {
	r := consoletest.Start(t, nil)
	keep, drop := contact(t, r, "email:jana@example.org"), contact(t, r, "email:jana@work.example")
	body := `{"keep":{"identifier":"email:jana@example.org"},"drop":{"identifier":"email:jana@work.example"},"reason":"request 13","preview":%t}`
	var out struct {
		Contact, Dropped string
		Merged           bool
		Sequence         int
		Grants           []string `json:"grants_not_carried"`
		Pseudonyms       []struct{ Pseudonym, Purpose string }
	}
	a := do(t, r, "POST", contacts+":merge", fmt.Sprintf(body, true))
	if a.json(t, &out); out.Merged || out.Contact != keep || out.Dropped != drop || len(out.Pseudonyms) != 1 || len(r.People.Merges()) != 0 {
		t.Fatalf("a preview: %s", a.body)
	}
	a = do(t, r, "POST", contacts+":merge", fmt.Sprintf(body, false))
	if a.json(t, &out); !out.Merged || out.Sequence != 2 || len(out.Grants) != 1 || len(r.People.Merges()) != 1 {
		t.Fatalf("%d %s", a.status, a.body)
	}
	merged := r.People.Merges()[0]
	entries := r.Directory.Entries(merged[0])
	if len(entries) != 2 || entries[0].Linked != merged[1] || entries[0].Actor != "token:local" || entries[0].Reason != "request 13" {
		t.Error("the ledger does not have it")
	}
	r.Directory.SetAway(true)
	if a := do(t, r, "POST", contacts+":merge", fmt.Sprintf(body, false)); a.status != http.StatusServiceUnavailable || len(r.People.Merges()) != 1 {
		t.Errorf("merged without the control store: %d", a.status)
	}
}

func TestListOfPseudonyms(t *testing.T) {
	r := consoletest.Start(t, nil)
	handle := contact(t, r, "email:jana@example.org")
	a := do(t, r, "POST", contacts+":list", fmt.Sprintf(`{"pseudonyms":[%q,"c_04000000000000000000000000"],"reason":"request 12"}`, handle))
	var out struct {
		Contacts []struct {
			Asked, Contact string
			Pseudonyms     []struct {
				Pseudonym, Purpose string
				Period, Version    int
			}
		}
	}
	a.json(t, &out)
	if a.status != http.StatusOK || len(out.Contacts) != 1 || out.Contacts[0].Contact != handle || len(out.Contacts[0].Pseudonyms) != 3 ||
		out.Contacts[0].Pseudonyms[1].Period != 202611 || !strings.HasPrefix(out.Contacts[0].Pseudonyms[2].Pseudonym, "v_") {
		t.Errorf("%d %s", a.status, a.body)
	}
}

// form is a document on its way.
func form(t *testing.T, about string, document []byte) (body, mediaType string) {
	t.Helper()
	var b bytes.Buffer
	parts := multipart.NewWriter(&b)
	if err := parts.WriteField("about", about); err != nil {
		t.Fatal(err)
	}
	if document != nil {
		to, err := parts.CreateFormFile("document", "document")
		if err != nil {
			t.Fatal(err)
		}
		if _, err := to.Write(document); err != nil {
			t.Fatal(err)
		}
	}
	if err := parts.Close(); err != nil {
		t.Fatal(err)
	}
	return b.String(), parts.FormDataContentType()
}

func TestDocuments(t *testing.T) {
	r := consoletest.Start(t, nil)
	contact(t, r, "email:jana@example.org")
	attach := func(about string, document []byte) answer {
		body, mediaType := form(t, about, document)
		return send(t, r, call{method: "POST", path: contacts + ":attach", body: body, mediaType: mediaType, token: r.Local.Reveal()})
	}
	about := `{"identifier":"email:jana@example.org","name":"zmluva.pdf","type":"application/pdf","source":"mail","bytes":7}`
	a := attach(about, []byte("7 bytes"))
	var kept struct{ Contact, ID string }
	if a.json(t, &kept); a.status != http.StatusCreated || len(kept.ID) != 32 {
		t.Fatalf("%d %s", a.status, a.body)
	}
	k := reveal(t, r, janaAsked)
	if len(k.Documents) != 1 || k.Documents[0].ID != kept.ID || k.Documents[0].Name != "zmluva.pdf" || k.Documents[0].Source != "mail" {
		t.Errorf("%+v", k.Documents)
	}
	fetched := do(t, r, "POST", contacts+":document", strings.Replace(janaAsked, "}", `,"document":"`+kept.ID+`"}`, 1))
	if fetched.status != http.StatusOK || fetched.body != "7 bytes" || fetched.trailer.Get(console.TrailerOutcome) != "done" {
		t.Errorf("%d %s %v", fetched.status, fetched.body, fetched.trailer)
	}
	for name, test := range map[string]struct {
		about    string
		document []byte
		status   int
	}{
		"unknown":         {strings.Replace(about, "jana", "canary", 1), []byte("x"), 404},
		"no document":     {about, nil, 422},
		"an unknown name": {`{"canary":1}`, []byte("x"), 422},
		"too large":       {about, make([]byte, 1<<20+1), 422},
	} {
		if a := attach(test.about, test.document); a.status != test.status || strings.Contains(a.body, "canary") {
			t.Errorf("%s: %d %s", name, a.status, a.body)
		}
	}
	if a := send(t, r, call{method: "POST", path: contacts + ":attach", body: "{}", token: r.Local.Reveal()}); a.status != http.StatusUnsupportedMediaType {
		t.Errorf("no form: %d %s", a.status, a.body)
	}
	if !json.Valid([]byte(a.body)) {
		t.Error("the answer is no JSON")
	}
}
