package apptest

import (
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
)

// receiver is another controller, who takes exports by PUT.
type receiver struct {
	*httptest.Server

	mu        sync.Mutex
	body      []byte
	signature string
	whole     bool
	status    int
}

func receive(t *testing.T) *receiver {
	t.Helper()
	r := &receiver{status: http.StatusCreated}
	r.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		body, err := io.ReadAll(req.Body)
		r.mu.Lock()
		defer r.mu.Unlock()
		r.body, r.whole, r.signature = body, err == nil, req.Trailer.Get("Zgoda-Signature")
		w.WriteHeader(r.status)
	}))
	t.Cleanup(r.Close)
	return r
}

// transferred: what another controller gets is signed and whole, is on record, and
// goes to no host that is not named.
func transferred(t *testing.T, s *stack, to *receiver) {
	t.Helper()
	send := func(url string) (string, string, int) {
		return s.zgoda(t, "", "export", "--site", "shop", "--identifier", "user_id:jana", "--reason", "letter 12", "--to", url)
	}
	if out, errs, code := send("http://127.0.0.1:1/inbox"); code == 0 || !strings.Contains(errs, "host_not_named") {
		t.Errorf("a host that is not named: %d %s %s", code, out, errs)
	}
	out, errs, code := send(to.URL + "/inbox")
	if code != 0 || !strings.Contains(out, "is complete") {
		t.Fatal(code, out, errs)
	}
	to.mu.Lock()
	body, signature, whole := to.body, to.signature, to.whole
	to.mu.Unlock()
	if !whole {
		t.Error("it was cut off")
	}
	checkSignature(t, s, body, signature)
	text := string(body)
	has, hasNot := theirs("jana")
	for _, want := range has {
		if !strings.Contains(text, want) {
			t.Errorf("it lacks %q", want)
		}
	}
	for _, never := range append(hasNot, `"requests":[`+"\n", `"recipients":[`+"\n") {
		if strings.Contains(text, never) {
			t.Errorf("it has %q", never)
		}
	}
	to.mu.Lock()
	to.status = http.StatusInsufficientStorage
	to.mu.Unlock()
	if out, errs, code := send(to.URL + "/inbox"); code == 0 || !strings.Contains(errs, "507") {
		t.Errorf("one that was not taken: %d %s %s", code, out, errs)
	}
	if open, _, _ := s.zgoda(t, "", "requests", "list", "--site", "shop", "--state", "open"); !strings.Contains(open, "portability") {
		t.Errorf("a transfer that did not arrive is not open: %s", open)
	}
}

// checkSignature checks a transfer with the public key of the ledger.
func checkSignature(t *testing.T, s *stack, body []byte, trailer string) {
	t.Helper()
	parts := map[string]string{}
	for part := range strings.SplitSeq(trailer, ",") {
		name, value, _ := strings.Cut(part, "=")
		parts[name] = value
	}
	key, errs, code := s.zgoda(t, "", "ledger", "key")
	if code != 0 {
		t.Fatal(errs)
	}
	key = strings.TrimSpace(key)
	if !strings.HasPrefix(key, parts["key"]+"+") {
		t.Errorf("signed by %q, the key is %q", parts["key"], key)
	}
	raw, err := base64.StdEncoding.DecodeString(strings.TrimPrefix(key, parts["key"]+"+"))
	if err != nil || len(raw) != 1+ed25519.PublicKeySize {
		t.Fatal(raw, err)
	}
	signature, err := base64.StdEncoding.DecodeString(parts["ed25519"])
	if err != nil {
		t.Fatal(err)
	}
	sum := sha256.Sum256(body)
	message := "zgoda export 1\n" + parts["t"] + "\n" + hex.EncodeToString(sum[:])
	if !ed25519.Verify(raw[1:], []byte(message), signature) {
		t.Error("the signature does not verify")
	}
}
