package spectest

import (
	"bytes"
	"context"
	"crypto"
	"crypto/ecdsa"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"net/http"
	"regexp"
	"strings"
	"time"
)

// Identity is an identity object (5.3).
type Identity struct {
	Type   string `json:"identity_type"`
	Value  string `json:"identity_value"`
	Format string `json:"identity_format"`
}

// Request is a request (7.1.1).
type Request struct {
	Regulation string                    `json:"regulation,omitempty"`
	ID         string                    `json:"subject_request_id"`
	Type       string                    `json:"subject_request_type"`
	Submitted  string                    `json:"submitted_time"`
	Identities []Identity                `json:"subject_identities,omitempty"`
	APIVersion string                    `json:"api_version,omitempty"`
	Callbacks  []string                  `json:"status_callback_urls,omitempty"`
	Extensions map[string]map[string]any `json:"extensions,omitempty"`
}

// Discovery is what a processor says of itself (6.3).
type Discovery struct {
	APIVersion string `json:"api_version"`
	Identities []struct {
		Type   string `json:"identity_type"`
		Format string `json:"identity_format"`
	} `json:"supported_identities"`
	Types       []string                  `json:"supported_subject_request_types"`
	Certificate string                    `json:"processor_certificate"`
	Extensions  map[string]map[string]any `json:"extensions"`
}

// Answer is what is answered to a request, a question about its status, or its
// cancellation (7.3, 8.3, 9.2), or a callback (8.6).
type Answer struct {
	Controller string                    `json:"controller_id"`
	Expected   time.Time                 `json:"expected_completion_time"`
	Received   time.Time                 `json:"received_time"`
	Encoded    []byte                    `json:"encoded_request"`
	ID         string                    `json:"subject_request_id"`
	Signature  string                    `json:"processor_signature"`
	Status     string                    `json:"request_status"`
	APIVersion string                    `json:"api_version"`
	ResultsURL string                    `json:"results_url"`
	Count      *int                      `json:"results_count"`
	Callback   string                    `json:"status_callback_url"`
	Extensions map[string]map[string]any `json:"extensions"`
}

// Refusal is an error of the shape of 7.6, with HTTP's status.
type Refusal struct {
	HTTP    int
	Code    int
	Reason  string
	Message string
}

// Error implements error.
func (r *Refusal) Error() string { return fmt.Sprintf("%d %s", r.HTTP, r.Reason) }

// Controller hands over requests.
type Controller struct {
	Base   string // where requests are posted to
	Header string // the names of headers: OpenDSR, or an older one
	Domain string // of the processor
	Token  string
	HTTP   *http.Client
	Roots  *x509.CertPool

	public crypto.PublicKey
}

// get fetches without a token.
func (c *Controller) get(ctx context.Context, address string) ([]byte, error) {
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, address, http.NoBody)
	if err != nil {
		return nil, err
	}
	answer, err := c.HTTP.Do(r)
	if err != nil {
		return nil, err
	}
	defer answer.Body.Close() //nolint:errcheck // read to its end
	body, err := io.ReadAll(answer.Body)
	if err == nil && answer.StatusCode != http.StatusOK {
		err = fmt.Errorf("%s: %d %s", address, answer.StatusCode, body)
	}
	return body, err
}

// Discover asks what the processor supports, fetches its certificate and checks it:
// of a trusted authority, not self-signed, of the processor's domain (4.1, 6.3).
func (c *Controller) Discover(ctx context.Context, address string) (d Discovery, err error) {
	body, err := c.get(ctx, address)
	if err != nil {
		return d, err
	}
	if err := json.Unmarshal(body, &d); err != nil {
		return d, err
	}
	if d.APIVersion == "" || len(d.Identities) == 0 || d.Types == nil || !strings.HasPrefix(d.Certificate, "https://"+c.Domain+"/") {
		return d, fmt.Errorf("discovery lacks what 6.3 requires: %s", body)
	}
	raw, err := c.get(ctx, d.Certificate)
	if err != nil {
		return d, err
	}
	leaf, pool := (*x509.Certificate)(nil), x509.NewCertPool()
	for block, rest := pem.Decode(raw); block != nil; block, rest = pem.Decode(rest) {
		cert, err := x509.ParseCertificate(block.Bytes)
		if err != nil {
			return d, err
		}
		if leaf == nil {
			leaf = cert
		}
		pool.AddCert(cert)
	}
	if leaf == nil {
		return d, errors.New("there is no certificate")
	}
	if _, err := leaf.Verify(x509.VerifyOptions{DNSName: c.Domain, Roots: c.Roots, Intermediates: pool, KeyUsages: []x509.ExtKeyUsage{x509.ExtKeyUsageAny}}); err != nil {
		return d, err
	}
	c.public = leaf.PublicKey
	return d, nil
}

// verify checks a signature over the SHA-256 of a body (4.2).
func (c *Controller) verify(body []byte, signature string) error {
	raw, err := base64.StdEncoding.DecodeString(signature)
	if err != nil {
		return fmt.Errorf("the signature is no base64: %w", err)
	}
	sum := sha256.Sum256(body)
	switch key := c.public.(type) {
	case *rsa.PublicKey:
		return rsa.VerifyPKCS1v15(key, crypto.SHA256, sum[:], raw)
	case *ecdsa.PublicKey:
		if ecdsa.VerifyASN1(key, sum[:], raw) {
			return nil
		}
	}
	return errors.New("the signature does not verify")
}

// Check checks the headers that every answer and callback must have (8.3, 8.6).
func (c *Controller) Check(header http.Header, body []byte) error {
	if domain := header.Get("X-" + c.Header + "-Processor-Domain"); domain != c.Domain {
		return fmt.Errorf("the header names the domain %q", domain)
	}
	return c.verify(body, header.Get("X-"+c.Header+"-Signature"))
}

// CheckInside checks processor_signature: it signs the body as it is without that
// member, which stands last.
func (c *Controller) CheckInside(body []byte) error {
	parts := inside.FindSubmatch(body)
	if parts == nil {
		return errors.New("there is no processor_signature at the end")
	}
	return c.verify(append(bytes.Clone(parts[1]), '}'), string(parts[2]))
}

var inside = regexp.MustCompile(`(?s)^(.*),"processor_signature":"([^"]+)"\}$`)

// Do sends anything and returns the answer once its signature is checked.
func (c *Controller) Do(ctx context.Context, method, path string, body []byte) (a Answer, raw []byte, err error) {
	r, err := http.NewRequestWithContext(ctx, method, c.Base+path, bytes.NewReader(body))
	if err != nil {
		return a, nil, err
	}
	r.Header.Set("Accept", "application/json")
	if body != nil {
		r.Header.Set("Content-Type", "application/json")
	}
	if c.Token != "" {
		r.Header.Set("Authorization", "Bearer "+c.Token)
	}
	answer, err := c.HTTP.Do(r)
	if err != nil {
		return a, nil, err
	}
	defer answer.Body.Close() //nolint:errcheck // read to its end
	if raw, err = io.ReadAll(answer.Body); err != nil {
		return a, nil, err
	}
	if answer.StatusCode/100 != 2 {
		return a, raw, refusalOf(answer.StatusCode, raw)
	}
	if want := map[string]int{http.MethodPost: 201, http.MethodGet: 200, http.MethodDelete: 202}[method]; answer.StatusCode != want {
		return a, raw, fmt.Errorf("status %d, not %d", answer.StatusCode, want)
	}
	if err := c.Check(answer.Header, raw); err != nil {
		return a, raw, err
	}
	return a, raw, json.Unmarshal(raw, &a)
}

func refusalOf(status int, raw []byte) error {
	var f struct {
		Error struct {
			Code    int
			Message string
			Errors  []struct{ Domain, Reason, Message string }
		}
	}
	if err := json.Unmarshal(raw, &f); err != nil || len(f.Error.Errors) != 1 {
		return fmt.Errorf("%d without the shape of 7.6: %s", status, raw)
	}
	return &Refusal{status, f.Error.Code, f.Error.Errors[0].Reason, f.Error.Message}
}

// Submit hands over a request and checks the answer (7.3).
func (c *Controller) Submit(ctx context.Context, request *Request) (Answer, error) {
	body, err := json.Marshal(request)
	if err != nil {
		return Answer{}, err
	}
	a, raw, err := c.Do(ctx, http.MethodPost, "", body)
	if err != nil {
		return a, err
	}
	if a.ID != request.ID || a.Controller == "" || a.Expected.IsZero() || a.Received.IsZero() || !bytes.Equal(a.Encoded, body) {
		return a, fmt.Errorf("the answer lacks what 7.3 requires: %s", raw)
	}
	return a, c.CheckInside(raw)
}

// Status asks how far a request is (8.1).
func (c *Controller) Status(ctx context.Context, id string) (Answer, error) {
	a, raw, err := c.Do(ctx, http.MethodGet, "/"+id, nil)
	if err == nil && (a.ID != id || a.Controller == "" || a.Expected.IsZero() || a.Status == "") {
		err = fmt.Errorf("the answer lacks what 8.3 requires: %s", raw)
	}
	return a, err
}

// Cancel takes a request back (9).
func (c *Controller) Cancel(ctx context.Context, id string) (Answer, error) {
	a, raw, err := c.Do(ctx, http.MethodDelete, "/"+id, nil)
	if err != nil {
		return a, err
	}
	if a.ID != id || a.Controller == "" || a.Received.IsZero() {
		return a, fmt.Errorf("the answer lacks what 9.2 requires: %s", raw)
	}
	return a, c.CheckInside(raw)
}
