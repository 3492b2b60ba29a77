package kektest

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"
	"testing"
)

// The credentials that AWS takes.
const (
	awsKeyID  = "AKIACANARYKEYID"
	AWSSecret = "canary-aws-secret-access-key" //nolint:gosec // of a test
)

// AWS speaks the documented interface of AWS KMS, JSON 1.1
// (https://docs.aws.amazon.com/kms/latest/APIReference).
type AWS struct {
	*far

	Credentials string // file
	safe        *safe
}

// NewAWS starts one with two keys, kek and other.
func NewAWS(t *testing.T) *AWS {
	t.Helper()
	a := &AWS{
		Credentials: secretFile(t, "credentials", "[default]\naws_access_key_id = "+awsKeyID+"\naws_secret_access_key = "+AWSSecret+"\n"),
		safe:        newSafe(awsARN("kek"), awsARN("other")),
	}
	a.far = newFar(t, serveHTTP(a.handle))
	return a
}

func awsARN(key string) string { return "arn:aws:kms:eu-central-1:111122223333:key/" + key }

// URI names a key.
func (a *AWS) URI(key string) string { return "aws-kms://" + awsARN(key) }

// Endpoint is where it serves.
func (a *AWS) Endpoint() string { return "https://" + a.Address }

type awsRequest struct {
	KeyID   string            `json:"KeyId"`
	Plain   []byte            `json:"Plaintext"`
	Sealed  []byte            `json:"CiphertextBlob"`
	Context map[string]string `json:"EncryptionContext"`
}

func awsFail(w http.ResponseWriter, kind string) {
	w.Header().Set("X-Amzn-Errortype", kind)
	w.WriteHeader(http.StatusBadRequest)
	_ = json.NewEncoder(w).Encode(map[string]string{"__type": kind, "message": "canary told by AWS"})
}

// The signature is not computed anew: that it is there, and by whom, tells
// enough of a client that is Amazon's own.
func (a *AWS) handle(w http.ResponseWriter, r *http.Request) {
	by := r.Header.Get("Authorization")
	if !strings.HasPrefix(by, "AWS4-HMAC-SHA256 Credential="+awsKeyID+"/") || !strings.Contains(by, "/eu-central-1/kms/aws4_request") || a.denied.Load() {
		awsFail(w, "AccessDeniedException")
		return
	}
	var asked awsRequest
	if err := json.NewDecoder(r.Body).Decode(&asked); err != nil {
		awsFail(w, "ValidationException")
		return
	}
	if a.safe.latest(asked.KeyID) == 0 {
		awsFail(w, "NotFoundException")
		return
	}
	switch r.Header.Get("X-Amz-Target") {
	case "TrentService.Encrypt":
		if len(asked.Plain) > 4096 {
			awsFail(w, "ValidationException")
			return
		}
		_, sealed := a.safe.seal(asked.KeyID, asked.Plain, contextOf(asked.Context))
		// AWS's own text names the key that it is for.
		blob := append([]byte(asked.KeyID+"\x00"), sealed...)
		_ = json.NewEncoder(w).Encode(map[string]any{"CiphertextBlob": blob, "KeyId": asked.KeyID})
	case "TrentService.Decrypt":
		name, sealed, ok := bytes.Cut(asked.Sealed, []byte{0})
		if ok && string(name) != asked.KeyID && a.safe.latest(string(name)) > 0 {
			awsFail(w, "IncorrectKeyException")
			return
		}
		plain, err := a.safe.open(string(name), 1, sealed, contextOf(asked.Context))
		if !ok || err != nil {
			awsFail(w, "InvalidCiphertextException")
			return
		}
		_ = json.NewEncoder(w).Encode(map[string]any{"Plaintext": plain, "KeyId": asked.KeyID})
	default:
		awsFail(w, "UnknownOperationException")
	}
}

func contextOf(pairs map[string]string) []byte {
	var out []byte
	for _, name := range slices.Sorted(maps.Keys(pairs)) {
		out = fmt.Appendf(out, "%q=%q;", name, pairs[name])
	}
	return out
}
