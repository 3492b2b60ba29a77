package transit

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"sync"

	"github.com/hashicorp/vault/api"
	"github.com/tink-crypto/tink-go-hcvault/v2/integration/hcvault"
	"github.com/tink-crypto/tink-go/v2/tink"

	"zgoda/pseudonym/kek"
	"zgoda/pseudonym/kek/reach"
)

// Errors of a key that cannot be used.
var (
	errKind  = errors.New("the key of Vault's Transit engine is not one for authenticated encryption (aes256-gcm96, aes128-gcm96 or chacha20-poly1305, not derived)")
	errToken = errors.New("no token for Vault: give --credentials FILE")
)

// Key is a key of a Transit engine.
type Key struct {
	uri       string
	client    *api.Client
	aead      tink.AEAD
	tokenFile string
	keyPath   string // MOUNT/keys/NAME

	using sync.Mutex // the token belongs to the client, not to a call
}

// Open makes a client, and looks at the key if the token's policy lets it. It
// makes the key if cfg says that it may.
func Open(ctx context.Context, cfg reach.Config) (*Key, error) {
	if cfg.Credentials == "" {
		return nil, errToken
	}
	parsed, err := url.Parse(cfg.URI.String())
	if err != nil {
		return nil, errors.New("malformed URI of Vault's key")
	}
	client, err := dial(parsed.Host, cfg)
	if err != nil {
		return nil, err
	}
	k := &Key{uri: cfg.URI.String(), client: client, tokenFile: cfg.Credentials, keyPath: strings.TrimPrefix(parsed.EscapedPath(), "/")}
	if k.aead, err = hcvault.NewAEAD(parsed.EscapedPath(), client.Logical()); err != nil {
		return nil, fmt.Errorf("use Vault's key: %w", err)
	}
	if _, err := reach.Secret(k.tokenFile); err != nil {
		return nil, fmt.Errorf("token for Vault: %w", err)
	}
	return k, k.look(ctx, cfg.MayMake)
}

func dial(host string, cfg reach.Config) (*api.Client, error) {
	settings := api.DefaultConfig()
	if settings.Error != nil {
		return nil, fmt.Errorf("settings of Vault's client: %w", settings.Error)
	}
	trust, err := cfg.TLS()
	if err != nil {
		return nil, err
	}
	settings.Address = "https://" + host
	settings.Timeout = cfg.Timeout()
	settings.MaxRetries = 1
	settings.DisableRedirects = true // the token goes to this host alone
	transport, ok := settings.HttpClient.Transport.(*http.Transport)
	if !ok {
		return nil, errors.New("unknown transport of Vault's client")
	}
	transport.TLSClientConfig = trust
	client, err := api.NewClient(settings)
	if err != nil {
		return nil, fmt.Errorf("make Vault's client: %w", err)
	}
	return client, nil
}

// with runs one act under the token that is in the file now: an agent of Vault's
// may renew it there.
func (k *Key) with(act func() error) error {
	k.using.Lock()
	defer k.using.Unlock()
	token, err := reach.Secret(k.tokenFile)
	if err != nil {
		return fmt.Errorf("%w: token for Vault: %w", kek.ErrRefused, err)
	}
	k.client.SetToken(string(token))
	defer k.client.ClearToken()
	return act()
}

// state is what Vault says of a key.
type state struct {
	kind    string
	derived bool
	latest  int64
	least   int64 // that decrypts
}

func (k *Key) look(ctx context.Context, mayMake bool) error {
	s, err := k.state(ctx)
	if errors.Is(err, kek.ErrMissing) && mayMake {
		err = k.with(func() error {
			_, err := k.client.Logical().WriteWithContext(ctx, k.keyPath, map[string]any{"type": "aes256-gcm96"})
			return sort(err)
		})
		if err != nil {
			return fmt.Errorf("make Vault's key: %w", err)
		}
		return nil
	}
	if errors.Is(err, kek.ErrRefused) || errors.Is(err, kek.ErrAway) {
		return nil // it may be used without being looked at; zgoda-kek waits for it
	}
	if err != nil {
		return fmt.Errorf("look at Vault's key: %w", err)
	}
	switch s.kind {
	case "aes256-gcm96", "aes128-gcm96", "chacha20-poly1305":
		if !s.derived {
			return nil
		}
	}
	return errKind
}

func (k *Key) state(ctx context.Context) (s state, err error) {
	err = k.with(func() error {
		secret, err := k.client.Logical().ReadWithContext(ctx, k.keyPath)
		if err != nil {
			return sort(err)
		}
		if secret == nil {
			return kek.ErrMissing
		}
		s.kind, _ = secret.Data["type"].(string)
		s.derived, _ = secret.Data["derived"].(bool)
		s.latest, s.least = number(secret.Data["latest_version"]), number(secret.Data["min_decryption_version"])
		return nil
	})
	return s, err
}

func number(v any) int64 {
	n, _ := v.(json.Number)
	i, _ := n.Int64()
	return i
}

// sort tells one failure from another, and takes nothing of what Vault said.
func sort(err error) error {
	if err == nil {
		return nil
	}
	var answer *api.ResponseError
	if !errors.As(err, &answer) {
		return kek.ErrAway
	}
	kind := kek.ErrAway
	switch answer.StatusCode {
	case http.StatusForbidden, http.StatusUnauthorized:
		kind = kek.ErrRefused
	case http.StatusNotFound:
		kind = kek.ErrMissing
	case http.StatusBadRequest:
		kind = kek.ErrWrong
		if strings.Contains(strings.Join(answer.Errors, " "), "key not found") {
			kind = kek.ErrMissing
		}
	}
	return fmt.Errorf("%w (Vault answered %d)", kind, answer.StatusCode)
}

// Describe returns the URI.
func (k *Key) Describe() string { return k.uri }

// Wrap has Vault seal under its key's latest version.
func (k *Key) Wrap(_ context.Context, plain, bind []byte) (wrapped []byte, err error) {
	if len(plain) > kek.MaxPlain {
		return nil, kek.ErrTooLong
	}
	err = k.with(func() (err error) {
		wrapped, err = k.aead.Encrypt(plain, bind)
		return sort(err)
	})
	return wrapped, err
}

// Unwrap has Vault open it.
func (k *Key) Unwrap(_ context.Context, wrapped, bind []byte) (plain []byte, err error) {
	err = k.with(func() (err error) {
		plain, err = k.aead.Decrypt(wrapped, bind)
		return sort(err)
	})
	if err == nil && len(plain) == 0 {
		return nil, kek.ErrWrong
	}
	return plain, err
}

// Renew rotates Vault's key.
func (k *Key) Renew(ctx context.Context) (string, error) {
	err := k.with(func() error {
		_, err := k.client.Logical().WriteWithContext(ctx, k.keyPath+"/rotate", nil)
		return sort(err)
	})
	if err != nil {
		return "", fmt.Errorf("rotate Vault's key: %w", err)
	}
	s, err := k.state(ctx)
	if err != nil {
		return "", fmt.Errorf("look at Vault's key: %w", err)
	}
	return "v" + strconv.FormatInt(s.latest, 10), nil
}

// Destroy trims the versions before the named one.
func (k *Key) Destroy(ctx context.Context, before string) error {
	digits, ok := strings.CutPrefix(before, "v")
	version, err := strconv.ParseInt(digits, 10, 64)
	if !ok || err != nil {
		return kek.ErrMissing
	}
	s, err := k.state(ctx)
	if err != nil {
		return fmt.Errorf("look at Vault's key: %w", err)
	}
	if version < 1 || version > s.latest {
		return kek.ErrMissing
	}
	version = max(version, s.least)
	return k.with(func() error {
		_, err := k.client.Logical().WriteWithContext(ctx, k.keyPath+"/config",
			map[string]any{"min_decryption_version": version, "min_encryption_version": version})
		if err == nil {
			_, err = k.client.Logical().WriteWithContext(ctx, k.keyPath+"/trim", map[string]any{"min_available_version": version})
		}
		if err != nil {
			return fmt.Errorf("trim Vault's key: %w", sort(err))
		}
		return nil
	})
}

// Close hangs up.
func (k *Key) Close() error {
	k.client.CloneConfig().HttpClient.CloseIdleConnections()
	return nil
}
