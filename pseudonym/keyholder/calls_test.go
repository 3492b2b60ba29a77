package keyholder

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"zgoda/pseudonym"
	"zgoda/pseudonym/calls"
	"zgoda/pseudonym/keyring"
	"zgoda/pseudonym/secret"
)

// entry is a line of the log of calls.
type entry struct {
	Role, Caller, Act, Outcome, Why, Actor, Reason string
	Rows, Unknown, Minted, Calls                   int
}

// entriesOf reads the log of a keyholder by its own call.
func (r *running) entriesOf(t *testing.T) []entry {
	t.Helper()
	var text bytes.Buffer
	if err := r.admin.Calls(t.Context(), 0, &text); err != nil {
		t.Fatal(err)
	}
	if _, err := calls.Verify(bytes.NewReader(text.Bytes()), secret.Bytes{}); err != nil {
		t.Error(err)
	}
	var list []entry
	for line := range bytes.Lines(text.Bytes()) {
		var e entry
		if err := json.Unmarshal(line, &e); err != nil {
			t.Fatal(err)
		}
		list = append(list, e)
	}
	return list
}

// metric returns a line of /metrics, without its value, and that; 0: not there.
func (r *running) metric(t *testing.T, line string) (value float64) {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "http://"+r.server.MetricsAddress().String()+"/metrics", nil)
	if err != nil {
		t.Fatal(err)
	}
	answer, err := (&http.Client{Transport: &http.Transport{DisableKeepAlives: true}}).Do(request)
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	body, err := io.ReadAll(answer.Body)
	if err != nil {
		t.Fatal(err)
	}
	for text := range strings.Lines(string(body)) {
		if rest, ok := strings.CutPrefix(text, line+" "); ok {
			if _, err := fmt.Sscan(rest, &value); err != nil {
				t.Fatal(err)
			}
		}
	}
	return value
}

// TestEveryCallIsRecorded: who answers people's requests finds each call in the
// log before its answer.
func TestEveryCallIsRecorded(t *testing.T) {
	dir, socket := folders(t)
	k := start(t, dir, socket, served)
	ctx := pseudonym.WithAct(t.Context(), pseudonym.Act{Actor: "op-7", Reason: "ticket 4711"})
	if _, _, err := k.rights.Find(ctx, contact(1, false)); err != nil {
		t.Fatal(err)
	}
	list := slices.DeleteFunc(k.entriesOf(t), func(e entry) bool { return e.Role == "keyholder" }) // the first keys were made
	want := entry{Role: "rights", Caller: fmt.Sprintf("socket:%d", os.Geteuid()), Act: "find", Outcome: "done", Actor: "op-7", Reason: "ticket 4711", Rows: 1, Unknown: 1}
	if len(list) < 1 || list[0] != want {
		t.Errorf("%+v, want %+v", list, want)
	}
	resolve(t, k.Client, contact(5, true), contact(6, false))
	if err := k.stop(); err != nil {
		t.Fatal(err)
	}
	// Its end writes the sums and a seal; the seal is under the keyholder's key.
	ring, err := keyring.Open(t.Context(), keyring.Config{Dir: dir, Existing: true})
	if err != nil {
		t.Fatal(err)
	}
	key, err := ring.Own(t.Context(), keyring.OwnCalls)
	if err != nil {
		t.Fatal(err)
	}
	verdict, err := calls.VerifyDir(filepath.Join(dir, "calls"), key)
	if err != nil || !verdict.Checked || verdict.Seals == 0 || verdict.Sealed+1 != verdict.Last {
		t.Errorf("%+v, %v", verdict, err)
	}
	content, err := os.ReadFile(filepath.Join(dir, "calls", "000001.log"))
	if err != nil || !bytes.Contains(content, []byte(`"act":"resolve","outcome":"done","rows":2,"unknown":1,"minted":1,"calls":1,`)) {
		t.Errorf("%s, %v", content, err)
	}
}

func TestCheckCalls(t *testing.T) {
	dir, socket := folders(t)
	k := start(t, dir, socket)
	if err := k.Ready(t.Context()); err != nil {
		t.Fatal(err)
	}
	seals, err := k.admin.CheckCalls(t.Context())
	if err != nil || seals.Last == 0 {
		t.Fatalf("%+v, %v", seals, err)
	}
	path := filepath.Join(dir, "calls", "000001.log")
	content, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, bytes.Replace(content, []byte("op-1"), []byte("op-2"), 1), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := k.admin.CheckCalls(t.Context()); err == nil || !strings.Contains(err.Error(), "does not hold after entry") {
		t.Errorf("an altered log: %v", err)
	}
}
