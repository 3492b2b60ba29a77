package kektest

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"testing"
)

// VaultToken is the token that Vault takes.
const VaultToken = "hvs.canary-vault-token" //nolint:gosec // of a test

// Vault speaks the documented interface of Vault's Transit engine
// (https://developer.hashicorp.com/vault/api-docs/secret/transit).
type Vault struct {
	*far

	Token string // file
	safe  *safe
	least map[string]int // min_decryption_version
}

// NewVault starts one, with no keys in it.
func NewVault(t *testing.T) *Vault {
	t.Helper()
	v := &Vault{safe: newSafe(), least: map[string]int{}, Token: secretFile(t, "token", VaultToken+"\n")}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /v1/transit/keys/{key}", v.read)
	mux.HandleFunc("PUT /v1/transit/keys/{key}", v.create)
	mux.HandleFunc("PUT /v1/transit/keys/{key}/rotate", v.rotate)
	mux.HandleFunc("PUT /v1/transit/keys/{key}/config", v.configure)
	mux.HandleFunc("PUT /v1/transit/keys/{key}/trim", v.trim)
	mux.HandleFunc("PUT /v1/transit/encrypt/{key}", v.encrypt)
	mux.HandleFunc("PUT /v1/transit/decrypt/{key}", v.decrypt)
	v.far = newFar(t, serveHTTP(func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("X-Vault-Token") != VaultToken || v.denied.Load() {
			fail(w, http.StatusForbidden, "permission denied for canary")
			return
		}
		mux.ServeHTTP(w, r)
	}))
	return v
}

// URI names a key.
func (v *Vault) URI(key string) string { return "hcvault://" + v.Address + "/transit/keys/" + key }

func fail(w http.ResponseWriter, code int, text string) {
	w.WriteHeader(code)
	_ = json.NewEncoder(w).Encode(map[string]any{"errors": []string{text}})
}

func tell(w http.ResponseWriter, data map[string]any) {
	_ = json.NewEncoder(w).Encode(map[string]any{"data": data})
}

func (v *Vault) known(w http.ResponseWriter, r *http.Request) (string, bool) {
	key := r.PathValue("key")
	if v.safe.latest(key) == 0 {
		fail(w, http.StatusBadRequest, "encryption key not found")
		return "", false
	}
	return key, true
}

func (v *Vault) read(w http.ResponseWriter, r *http.Request) {
	key := r.PathValue("key")
	if v.safe.latest(key) == 0 {
		fail(w, http.StatusNotFound, "")
		return
	}
	tell(w, map[string]any{
		"type": "aes256-gcm96", "derived": false, "latest_version": v.safe.latest(key), "min_decryption_version": max(1, v.least[key]),
	})
}

func (v *Vault) create(w http.ResponseWriter, r *http.Request) {
	if v.safe.latest(r.PathValue("key")) == 0 {
		v.safe.rotate(r.PathValue("key"))
	}
	tell(w, nil)
}

func (v *Vault) rotate(w http.ResponseWriter, r *http.Request) {
	if key, ok := v.known(w, r); ok {
		v.safe.rotate(key)
		tell(w, nil)
	}
}

type versions struct {
	Decryption int `json:"min_decryption_version"`
	Encryption int `json:"min_encryption_version"`
	Available  int `json:"min_available_version"`
}

func (v *Vault) configure(w http.ResponseWriter, r *http.Request) {
	var asked versions
	key, ok := v.known(w, r)
	if err := json.NewDecoder(r.Body).Decode(&asked); !ok || err != nil {
		return
	}
	if asked.Decryption > v.safe.latest(key) || asked.Encryption < asked.Decryption {
		fail(w, http.StatusBadRequest, "cannot set min decryption version")
		return
	}
	v.least[key] = asked.Decryption
	tell(w, nil)
}

// trim is refused as Vault refuses it: above what may be decrypted.
func (v *Vault) trim(w http.ResponseWriter, r *http.Request) {
	var asked versions
	key, ok := v.known(w, r)
	if err := json.NewDecoder(r.Body).Decode(&asked); !ok || err != nil {
		return
	}
	if v.least[key] == 0 || asked.Available > v.least[key] {
		fail(w, http.StatusBadRequest, "minimum available version cannot be higher than minimum decryption version")
		return
	}
	v.safe.destroy(key, asked.Available)
	tell(w, nil)
}

type texts struct {
	Plaintext  []byte `json:"plaintext"`
	Ciphertext string `json:"ciphertext"`
	Bind       []byte `json:"associated_data"`
}

func (v *Vault) encrypt(w http.ResponseWriter, r *http.Request) {
	var asked texts
	key, ok := v.known(w, r)
	if err := json.NewDecoder(r.Body).Decode(&asked); !ok || err != nil {
		return
	}
	version, sealed := v.safe.seal(key, asked.Plaintext, asked.Bind)
	tell(w, map[string]any{"ciphertext": fmt.Sprintf("vault:v%d:%s", version, base64.StdEncoding.EncodeToString(sealed))})
}

func (v *Vault) decrypt(w http.ResponseWriter, r *http.Request) {
	var asked texts
	key, ok := v.known(w, r)
	if err := json.NewDecoder(r.Body).Decode(&asked); !ok || err != nil {
		return
	}
	parts := strings.SplitN(asked.Ciphertext, ":", 3)
	if len(parts) != 3 || parts[0] != "vault" {
		fail(w, http.StatusBadRequest, "invalid ciphertext: no prefix")
		return
	}
	version, err := strconv.Atoi(strings.TrimPrefix(parts[1], "v"))
	sealed, decodeErr := base64.StdEncoding.Strict().DecodeString(parts[2])
	if err != nil || decodeErr != nil || version < v.least[key] {
		fail(w, http.StatusBadRequest, "invalid ciphertext: "+asked.Ciphertext)
		return
	}
	plain, err := v.safe.open(key, version, sealed, asked.Bind)
	if err != nil {
		fail(w, http.StatusBadRequest, "cipher: message authentication failed")
		return
	}
	tell(w, map[string]any{"plaintext": base64.StdEncoding.EncodeToString(plain)})
}
