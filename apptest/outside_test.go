package apptest

import (
	"bytes"
	"context"
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/hex"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"io"
	"math/big"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"zgoda/opendsr/spectest"
)

// dsrDomain is where OpenDSR is served for.
const dsrDomain = "dsr.example"

// mailer is a recipient of personal data, who fails the first time.
type mailer struct {
	*httptest.Server

	mu     sync.Mutex
	calls  int
	bodies []string
	wrong  []string
}

const mailerSecret = "what the mailer and the shop share"

func startMailer(t *testing.T) *mailer {
	t.Helper()
	m := &mailer{}
	m.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		m.mu.Lock()
		defer m.mu.Unlock()
		if m.calls++; m.calls == 1 {
			w.WriteHeader(http.StatusBadGateway)
			return
		}
		at, sum, _ := strings.Cut(strings.TrimPrefix(r.Header.Get("Zgoda-Signature"), "t="), ",v1=")
		mac := hmac.New(sha256.New, []byte(mailerSecret))
		mac.Write([]byte(at + "." + string(body)))
		if err != nil || sum != hex.EncodeToString(mac.Sum(nil)) {
			m.wrong = append(m.wrong, r.Header.Get("Zgoda-Signature"))
		}
		m.bodies = append(m.bodies, string(body))
	}))
	t.Cleanup(m.Close)
	return m
}

func (m *mailer) got() (bodies, wrong []string) {
	m.mu.Lock()
	defer m.mu.Unlock()
	return slices.Clone(m.bodies), slices.Clone(m.wrong)
}

// dsrCertificate writes a certificate of an authority of its own, and its key.
func dsrCertificate(t *testing.T, dir string) *x509.CertPool {
	t.Helper()
	key := func() crypto.Signer {
		k, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
		if err != nil {
			t.Fatal(err)
		}
		return k
	}
	root, leaf := key(), key()
	authority := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "authority"}, NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign,
	}
	of := &x509.Certificate{SerialNumber: big.NewInt(2), DNSNames: []string{dsrDomain}, NotBefore: authority.NotBefore, NotAfter: authority.NotAfter}
	made := func(tmpl *x509.Certificate, public crypto.PublicKey) []byte {
		der, err := x509.CreateCertificate(rand.Reader, tmpl, authority, public, root)
		if err != nil {
			t.Fatal(err)
		}
		return der
	}
	pool := x509.NewCertPool()
	ca, err := x509.ParseCertificate(made(authority, root.Public()))
	if err != nil {
		t.Fatal(err)
	}
	pool.AddCert(ca)
	raw, err := x509.MarshalPKCS8PrivateKey(leaf)
	if err != nil {
		t.Fatal(err)
	}
	for name, block := range map[string]*pem.Block{
		"dsr.pem": {Type: "CERTIFICATE", Bytes: made(of, leaf.Public())}, "dsr.key": {Type: "PRIVATE KEY", Bytes: raw},
	} {
		if err := os.WriteFile(filepath.Join(dir, name), pem.EncodeToMemory(block), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return pool
}

// outside is a shop with a recipient, and with a controller that hands requests over.
type outside struct {
	*stack
	mailer     *mailer
	controller *spectest.Controller
	callbacks  *spectest.Callbacks
	secret     string
}

func startOutside(t *testing.T) *outside {
	t.Helper()
	o := &outside{mailer: startMailer(t), callbacks: &spectest.Callbacks{}}
	back := httptest.NewServer(o.callbacks)
	t.Cleanup(back.Close)
	config, secret := controllerSite(t)
	o.secret = secret
	dir := filepath.Dir(config)
	roots := dsrCertificate(t, dir)
	if err := os.WriteFile(filepath.Join(dir, "mailer.secret"), []byte(mailerSecret+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(config)
	if err != nil {
		t.Fatal(err)
	}
	text = bytes.Replace(text, []byte("    properties:"), []byte("    traits: {keep: all}\n    properties:"), 1)
	text = fmt.Appendf(text, `rights:
  gather: 1s
  hosts: [%q]
  recipients: [{name: mailer, url: %s/forget, secret_file: mailer.secret, identifiers: [email], rights: [erasure]}]
opendsr: {domain: %s, certificate: dsr.pem, key: dsr.key, controllers: [{id: acme, site: shop}]}
`, strings.TrimPrefix(back.URL, "http://"), o.mailer.URL, dsrDomain)
	if err := os.WriteFile(config, text, 0o600); err != nil {
		t.Fatal(err)
	}
	o.stack = up(t, "--config", config)
	token := strings.TrimSpace(o.done(t, "", "token", "create", "--role", "opendsr", "--site", "shop", "--name", "acme"))
	transport := &http.Transport{DialTLSContext: func(ctx context.Context, network, _ string) (net.Conn, error) { // TLS is another's to bring
		return (&net.Dialer{}).DialContext(ctx, network, strings.TrimPrefix(o.console, "http://"))
	}}
	t.Cleanup(transport.CloseIdleConnections)
	o.controller = &spectest.Controller{
		Base: "https://" + dsrDomain + "/opendsr/v2/requests", Header: "OpenDSR", Domain: dsrDomain, Token: token, Roots: roots,
		HTTP: &http.Client{Transport: transport},
	}
	o.callbacks.Controller, o.callbacks.URL = o.controller, back.URL+"/callbacks"
	if _, err := o.controller.Discover(t.Context(), "https://"+dsrDomain+"/opendsr/v2/discovery"); err != nil {
		t.Fatal(err)
	}
	return o
}

// say sends a call of the site's server.
func (o *outside) say(t *testing.T, path, body string) {
	t.Helper()
	if resp, text := post(t, o.public+path, body, map[string]string{"Authorization": "Bearer " + o.secret}); resp.StatusCode != http.StatusOK {
		t.Fatalf("%d %s", resp.StatusCode, text)
	}
}

// TestOutside has one system for what others ask for and are told: another
// controller, a recipient, and a visitor alone with a browser.
func TestOutside(t *testing.T) {
	o := startOutside(t)
	const all = `"context":{"consent":{"categoryPreferences":{"analytics":true,"profiling":true}}}`
	o.say(t, "/v1/identify", `{"userId":"jana","anonymousId":"jana-browser","traits":{"email":"jana.canary@person.example"},`+all+`}`)
	o.say(t, "/v1/track", `{"userId":"jana","anonymousId":"jana-browser","event":"bought","messageId":"of-jana-1",`+all+`}`)
	o.settled(t, 30*time.Second)
	eventually(t, 30*time.Second, "the address that jana said", func() bool {
		values, _ := o.dataOf(t, "jana")
		return values["email"] != ""
	})
	t.Run("asked for", func(t *testing.T) { o.askedFor(t) })
	t.Run("handed over", func(t *testing.T) { o.handedOver(t) })
	t.Run("by the visitor", func(t *testing.T) { o.byTheVisitor(t) })
	if strings.Contains(o.log.String(), "canary") {
		t.Error("an identity is in the log")
	}
}

// askedFor: an access request gives what is held by a link, with which it is done.
func (o *outside) askedFor(t *testing.T) {
	t.Helper()
	const id = "b7551968-d5d6-44b2-9831-815ac9017798"
	_, err := o.controller.Submit(t.Context(), &spectest.Request{
		Regulation: "gdpr", ID: id, Type: "access", Submitted: time.Now().Add(-time.Minute).UTC().Format(time.RFC3339),
		Identities: []spectest.Identity{{Type: "email", Value: "jana.canary@person.example", Format: "raw"}},
	})
	if err != nil {
		t.Fatal(err)
	}
	a, err := o.controller.Status(t.Context(), id)
	if err != nil || a.Status != "in_progress" || a.ResultsURL == "" {
		t.Fatalf("status %+v: %v", a, err)
	}
	resp, err := o.controller.HTTP.Get(a.ResultsURL)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	held, err := io.ReadAll(resp.Body)
	if err != nil || resp.StatusCode != http.StatusOK || !json.Valid(held) || !bytes.Contains(held, []byte("jana.canary@person.example")) || !bytes.Contains(held, []byte("bought")) {
		t.Fatalf("%d, %d bytes: %v", resp.StatusCode, len(held), err)
	}
	eventually(t, 20*time.Second, "the end of the access request", func() bool {
		a, err := o.controller.Status(t.Context(), id)
		return err == nil && a.Status == "completed"
	})
}

// handedOver: a request of OpenDSR is carried out, told to the recipient and by
// callbacks, and certified.
func (o *outside) handedOver(t *testing.T) {
	t.Helper()
	const id = "a7551968-d5d6-44b2-9831-815ac9017798"
	_, err := o.controller.Submit(t.Context(), &spectest.Request{
		Regulation: "gdpr", ID: id, Type: "erasure", Submitted: time.Now().Add(-time.Minute).UTC().Format(time.RFC3339), APIVersion: "2.0",
		Identities: []spectest.Identity{{Type: "controller_customer_id", Value: "jana", Format: "raw"}}, Callbacks: []string{o.callbacks.URL},
	})
	if err != nil {
		t.Fatal(err)
	}
	var request string
	eventually(t, 150*time.Second, "the erasure that was handed over", func() bool {
		a, err := o.controller.Status(t.Context(), id)
		if err != nil {
			t.Fatal(err)
		}
		request, _ = a.Extensions[dsrDomain]["request"].(string)
		return a.Status == "completed"
	})
	eventually(t, 20*time.Second, "callbacks", func() bool {
		got, err := o.callbacks.Told(id)
		if err != nil {
			t.Fatal(err)
		}
		return slices.Equal(got, []string{"in_progress", "completed"})
	})
	bodies, wrong := o.mailer.got()
	if len(wrong) > 0 || len(bodies) != 1 || !strings.Contains(bodies[0], `"identifiers":[{"kind":"email","value":"jana.canary@person.example"}]`) || !strings.Contains(bodies[0], request) {
		t.Errorf("the recipient was told %q, with wrong signatures %q", bodies, wrong)
	}
	o.certified(t, request)
	if rows := o.rows(t, "SELECT count() FROM events WHERE name = 'bought'"); rows[0][0] != "0" {
		t.Errorf("%s rows are left", rows[0][0])
	}
}

// certified: the certificate verifies with the ledger's key, away from the system, and
// not when it was altered.
func (o *outside) certified(t *testing.T, request string) {
	t.Helper()
	file := o.done(t, "", "certificate", "get", request)
	key := strings.TrimSpace(o.done(t, "", "ledger", "key"))
	out, errs, code := o.zgoda(t, file, "certificate", "verify", "-", "--key", key)
	if code != 0 || !strings.Contains(out, "recipient mailer: delivered") || !strings.Contains(out, "salt destroyed: true") {
		t.Errorf("%d %s%s\n%s", code, out, errs, file)
	}
	altered := strings.Replace(file, `"delivered"`, `"by_hand"`, 1)
	if _, _, code := o.zgoda(t, altered, "certificate", "verify", "-", "--key", key); altered == file || code != 1 {
		t.Errorf("an altered certificate: %d", code)
	}
	if strings.Contains(file, "canary") || strings.Contains(file, "jana") {
		t.Errorf("the certificate says whom it is about: %s", file)
	}
}

// byTheVisitor: whoever has the signed cookie sees what is held by it and lets it go;
// who has none gets nothing.
func (o *outside) byTheVisitor(t *testing.T) {
	t.Helper()
	page := func(path, body, cookies string) (*http.Response, string) {
		return post(t, o.public+path, body, map[string]string{"Origin": "https://shop.example", "Sec-Fetch-Site": "same-site", "Cookie": cookies, "Content-Type": "application/json"})
	}
	_, now := send(t, http.MethodGet, o.public+"/consent?key=pk_shop_public", "", nil)
	var policy struct{ Version uint32 }
	if err := json.Unmarshal([]byte(now), &policy); err != nil || policy.Version == 0 {
		t.Fatalf("no policy: %s", now)
	}
	state, _ := page("/consent", fmt.Sprintf(`{"key":"pk_shop_public","version":"%d","surface":"dialogue","choices":{"analytics":true,"profiling":true}}`, policy.Version), "")
	var cookies []string
	for _, c := range state.Cookies() {
		cookies = append(cookies, c.Name+"="+c.Value)
	}
	mine := strings.Join(cookies, "; ")
	if state.StatusCode != http.StatusOK || !strings.Contains(mine, "__Host-zgoda_visitor=") {
		t.Fatalf("no visitor's cookie: %d %q", state.StatusCode, mine)
	}
	event := `{"key":"pk_shop_public","events":[{"type":"track","name":"looked","messageId":"visitor-looked-1"}]}`
	if resp, text := page("/e", event, mine); resp.StatusCode != http.StatusNoContent {
		t.Fatalf("%d %s", resp.StatusCode, text)
	}
	o.settled(t, 30*time.Second)
	for _, c := range []string{"", "__Host-zgoda_visitor=made-up"} {
		if resp, text := page("/rights", `{"key":"pk_shop_public","right":"access"}`, c); resp.StatusCode != http.StatusForbidden {
			t.Errorf("with the cookie %q: %d %s", c, resp.StatusCode, text)
		}
	}
	resp, held := page("/rights", `{"key":"pk_shop_public","right":"access"}`, mine)
	if resp.StatusCode != http.StatusOK || !json.Valid([]byte(held)) || !strings.Contains(held, "looked") || strings.Contains(held, "bought") {
		t.Errorf("held: %d %s", resp.StatusCode, held)
	}
	resp, text := page("/rights", `{"key":"pk_shop_public","right":"erasure"}`, mine)
	var told struct{ Request, State string }
	if err := json.Unmarshal([]byte(text), &told); err != nil || resp.StatusCode != http.StatusAccepted {
		t.Fatalf("erasure: %d %s", resp.StatusCode, text)
	}
	if c := resp.Header.Get("Set-Cookie"); !strings.HasPrefix(c, "__Host-zgoda_visitor=;") {
		t.Errorf("the cookie stays: %q", c)
	}
	eventually(t, 150*time.Second, "the visitor's erasure", func() bool {
		return strings.Contains(o.call(t, http.MethodGet, "/requests/"+told.Request, ""), `"state":"complete"`)
	})
	if rows := o.rows(t, "SELECT count() FROM events WHERE name = 'looked'"); rows[0][0] != "0" {
		t.Errorf("%s rows are left", rows[0][0])
	}
	file := o.done(t, "", "certificate", "get", told.Request)
	if !strings.Contains(file, `"visitor_without_contact":true`) || !strings.Contains(file, `"salt_destroyed":false`) {
		t.Errorf("the certificate: %s", file)
	}
}
