package gather

import (
	"crypto/ed25519"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"zgoda/control"
	"zgoda/event"
	"zgoda/export"
)

// taken is what another controller got.
type taken struct {
	body      []byte
	err       error
	signature string
}

func controller(t *testing.T, status int, read bool) (*httptest.Server, *x509.CertPool, chan taken) {
	t.Helper()
	got := make(chan taken, 1)
	s := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if read {
			body, err := io.ReadAll(r.Body)
			got <- taken{body, err, r.Trailer.Get(SignatureTrailer)}
		}
		if status == http.StatusFound {
			w.Header().Set("Location", "https://elsewhere.example/")
		}
		w.WriteHeader(status)
	}))
	t.Cleanup(s.Close)
	roots := x509.NewCertPool()
	roots.AddCert(s.Certificate())
	return s, roots, got
}

// TestSend: over TLS, signed, whole; and what is refused, redirected, not trusted or cut
// off is not done.
func TestSend(t *testing.T) {
	r := access(1, control.RightPortability)
	server, roots, got := controller(t, http.StatusNoContent, true)
	w := &world{rows: rowsOf(event.PurposeSet(0).With(1))}
	d := desk(t, w, []string{strings.TrimPrefix(server.URL, "https://")}, roots)
	p, err := d.Prepare(t.Context(), r, nil)
	if err != nil {
		t.Fatal(err)
	}
	if err := d.Send(t.Context(), r, p, export.JSON, "ana", server.URL+"/in?token=x"); err != nil {
		t.Fatal(err)
	}
	answer := <-got
	sum := sha256.Sum256(answer.body)
	parts := strings.Split(answer.signature, ",")
	if answer.err != nil || len(parts) != 3 || parts[0] != fmt.Sprintf("t=%d", at.Unix()) || parts[1] != "key=node+01020304" {
		t.Fatal(answer.err, answer.signature)
	}
	signature, err := base64.StdEncoding.DecodeString(strings.TrimPrefix(parts[2], "ed25519="))
	public := ed25519.PrivateKey(d.Signer.(key)).Public().(ed25519.PublicKey)
	if err != nil || !ed25519.Verify(public, fmt.Appendf(nil, "%s%d\n%s", SignaturePrefix, at.Unix(), hex.EncodeToString(sum[:])), signature) {
		t.Error("the signature does not verify", err)
	}
	if e := w.exported[1]; e.Recipient != strings.TrimPrefix(server.URL, "https://") || e.Items <= 0 || len(w.finished) != 1 {
		t.Errorf("on record: %+v, done: %+v", w.exported, w.finished)
	}

	// Cut off on our side: the other controller must not take it for whole.
	w.broken = errors.New("clickhouse is away")
	if err := d.Send(t.Context(), r, p, export.JSON, "ana", server.URL+"/in"); !errors.Is(err, w.broken) {
		t.Error(err)
	}
	if answer := <-got; answer.err == nil || answer.signature != "" {
		t.Errorf("what was cut off looks whole: %d bytes, %q", len(answer.body), answer.signature)
	}
	if len(w.finished) != 1 {
		t.Error("what was cut off is done")
	}
}

func TestSendRefused(t *testing.T) {
	r := access(1, control.RightPortability)
	for name, c := range map[string]struct {
		status        int
		read, trusted bool
		says          string
	}{
		"refused": {http.StatusForbidden, true, true, "403"}, "redirected": {http.StatusFound, true, true, "302"},
		"not trusted": {http.StatusOK, true, false, "certificate"},
	} {
		server, roots, _ := controller(t, c.status, c.read)
		if !c.trusted {
			roots = x509.NewCertPool()
		}
		server.Config.ErrorLog = nil
		w := &world{rows: rowsOf(event.PurposeSet(0).With(1))}
		d := desk(t, w, []string{strings.TrimPrefix(server.URL, "https://")}, roots)
		p, err := d.Prepare(t.Context(), r, nil)
		if err != nil {
			t.Fatal(err)
		}
		if err := d.Send(t.Context(), r, p, export.JSON, "ana", server.URL); !errors.Is(err, export.ErrUpload) || !strings.Contains(err.Error(), c.says) {
			t.Errorf("%s: %v", name, err)
		}
		if len(w.finished) != 0 {
			t.Errorf("%s is done", name)
		}
	}
	d := desk(t, &world{}, []string{"named.example"}, nil)
	for _, url := range []string{"https://other.example/", "http://named.example/", "https://127.0.0.1/", "ftp://named.example/", "::"} {
		if err := d.MaySend(url); !errors.Is(err, export.ErrUpload) {
			t.Errorf("%s: %v", url, err)
		}
	}
	if err := desk(t, &world{}, nil, nil).MaySend("https://named.example/"); !errors.Is(err, export.ErrNowhere) {
		t.Error(err)
	}
}
