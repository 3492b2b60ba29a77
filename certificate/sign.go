package certificate

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"

	"golang.org/x/mod/sumdb/note"
)

// The versions of the certificates made here. One that has nothing of the later stays of
// the earlier, so that every program can read it.
const (
	versionFirst  = 1
	versionCopies = 2 // tables have copies
	version       = versionCopies
)

// versionOf is the first version that has what is in a certificate.
func versionOf(b *Body) int {
	if slices.ContainsFunc(b.Tables, func(t Table) bool { return len(t.Copies) > 0 }) {
		return versionCopies
	}
	return versionFirst
}

// prefix keeps a signature of a certificate apart from all others of the same key.
// A checkpoint ends with a line end, which a certificate never does.
const prefix = "zgoda certificate 1\n"

// Key is what signs certificates: a node's key of checkpoints. An anchor.Key
// converts to it.
type Key struct {
	Signer note.Signer
	Public string // as `zgoda ledger key` shows it
}

// The errors of certificates.
var (
	ErrPersonal  = errors.New("a text of the certificate looks like an identifier")
	ErrMalformed = errors.New("this is no certificate, or it was altered")
	ErrNewer     = errors.New("the certificate was made by a newer version of this program; use that version")
	ErrKey       = errors.New("the certificate is signed by another key")
	ErrSignature = errors.New("the signature is not that of this certificate: one of them was altered")
)

// signed is a file. Its members stand in this order, without white space.
type signed struct {
	Certificate json.RawMessage `json:"certificate"`
	Key         string          `json:"key"`
	Signature   string          `json:"signature"`
}

// Sign returns the file, which ends with a line end. Nobody needs to be asked to
// check it: `zgoda certificate verify`, or any program that knows Ed25519.
func (k Key) Sign(b Body) ([]byte, error) {
	b.Version = versionOf(&b)
	if b.personal() {
		return nil, fmt.Errorf("sign the certificate: %w", ErrPersonal)
	}
	body, err := json.Marshal(b)
	if err != nil {
		return nil, fmt.Errorf("sign the certificate: %w", err)
	}
	signature, err := k.Signer.Sign(append([]byte(prefix), body...))
	if err != nil {
		return nil, errors.New("sign the certificate: the key cannot sign")
	}
	return signed{body, k.Public, base64.StdEncoding.EncodeToString(signature)}.file()
}

// file writes the members. The certificate's own bytes are what is signed, so they
// go in as they are.
func (s signed) file() ([]byte, error) {
	key, err := json.Marshal(s.Key)
	if err != nil {
		return nil, fmt.Errorf("write the certificate: %w", err)
	}
	out := make([]byte, 0, len(s.Certificate)+len(key)+160)
	out = append(out, `{"certificate":`...)
	out = append(out, s.Certificate...)
	out = append(out, `,"key":`...)
	out = append(out, key...)
	out = append(out, `,"signature":"`...)
	out = append(out, s.Signature...) // base64 needs no escapes
	return append(out, "\"}\n"...), nil
}

// Verify checks a file byte by byte. With keys, one of them must be the signer's;
// without, the file is whole as the key in it signed it, and KeyOf tells which that
// is: whether it is the controller's, the reader has to know from elsewhere.
func Verify(file []byte, keys ...string) (Body, error) {
	s, err := parse(file)
	if err != nil {
		return Body{}, err
	}
	if len(keys) > 0 && !slices.Contains(keys, s.Key) {
		return Body{}, ErrKey
	}
	verifier, err := note.NewVerifier(s.Key)
	if err != nil || !strings.HasPrefix(s.Key, fmt.Sprintf("%s+%08x+", verifier.Name(), verifier.KeyHash())) {
		return Body{}, ErrMalformed
	}
	signature, err := base64.StdEncoding.Strict().DecodeString(s.Signature)
	if err != nil || !verifier.Verify(append([]byte(prefix), s.Certificate...), signature) {
		return Body{}, ErrSignature
	}
	var head struct {
		Version int `json:"version"`
	}
	if json.Unmarshal(s.Certificate, &head) != nil {
		return Body{}, ErrMalformed
	}
	if head.Version > version {
		return Body{}, ErrNewer
	}
	var b Body
	dec := json.NewDecoder(bytes.NewReader(s.Certificate))
	dec.DisallowUnknownFields()
	if err := dec.Decode(&b); err != nil || b.Version != versionOf(&b) {
		return Body{}, ErrMalformed
	}
	return b, nil
}

// KeyOf returns the public key that a file says it is signed by.
func KeyOf(file []byte) (string, error) {
	s, err := parse(file)
	return s.Key, err
}

// parse reads a file that is byte for byte as Sign writes it.
func parse(file []byte) (s signed, err error) {
	if json.Unmarshal(file, &s) != nil {
		return signed{}, ErrMalformed
	}
	again, err := s.file()
	if err != nil || !bytes.Equal(bytes.TrimSuffix(again, []byte("\n")), bytes.TrimSuffix(file, []byte("\n"))) {
		return signed{}, ErrMalformed
	}
	return s, nil
}
