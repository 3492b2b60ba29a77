package uri

import (
	"errors"
	"fmt"
	"net/url"
	"regexp"
	"strings"
)

// Scheme is the kind of a provider, as the URI begins.
type Scheme string

// The providers. The first two are in the keyholder, the others in zgoda-kek.
const (
	File       Scheme = "file"
	Passphrase Scheme = "passphrase"
	Transit    Scheme = "hcvault"
	AWS        Scheme = "aws-kms"
	GCP        Scheme = "gcp-kms"
	PKCS11     Scheme = "pkcs11"
)

// Default is what applies where no URI is given.
const Default = "file:"

// URI is a parsed URI of a key-encryption key.
type URI struct {
	Scheme Scheme
	Rest   string // what follows the scheme and its colon or //
	text   string
}

// String returns the URI as it was given.
func (u URI) String() string { return u.text }

// Helped says whether the key is reached through zgoda-kek.
func (u URI) Helped() bool { return u.Scheme != File && u.Scheme != Passphrase }

// LocalFile is the name of the file that a key of the keyholder's own needs: the
// key itself, or the parameters of its passphrase. It is empty for the others.
func (u URI) LocalFile() string {
	what, suffix := "kek", ".key"
	switch u.Scheme {
	case File:
	case Passphrase:
		what, suffix = "passphrase", ".conf"
	default:
		return ""
	}
	if u.Rest != "" {
		what += "-" + u.Rest
	}
	return what + suffix
}

// The errors of a URI. No error quotes one: a secret may stand in it by mistake.
var (
	ErrScheme = errors.New("unknown provider of a key-encryption key (file:, passphrase:, hcvault://HOST/transit/keys/NAME, aws-kms://arn:aws:kms:..., gcp-kms://projects/..., pkcs11:token=T;object=O?module-path=M)")
	ErrForm   = errors.New("malformed URI of a key-encryption key")
	ErrSecret = errors.New("the URI of a key-encryption key carries a secret: a token, a password or a PIN comes by a file of mode 0600")
)

var (
	localName = regexp.MustCompile(`^[a-z0-9][a-z0-9-]{0,31}$`)
	awsARN    = regexp.MustCompile(`^arn:aws[a-z-]*:kms:[a-z0-9-]+:[0-9]{12}:(key|alias)/[A-Za-z0-9/_-]+$`)
	gcpName   = regexp.MustCompile(`^projects/[^/?#]+/locations/[^/?#]+/keyRings/[^/?#]+/cryptoKeys/[^/?#]+$`)
	vaultPath = regexp.MustCompile(`^(/[A-Za-z0-9_.-]+)+/keys/[A-Za-z0-9_.-]+$`)
)

// Parse reads a URI; nothing at all is Default.
func Parse(text string) (URI, error) {
	if text == "" {
		text = Default
	}
	scheme, rest, ok := strings.Cut(text, ":")
	if !ok {
		return URI{}, ErrScheme
	}
	u := URI{Scheme: Scheme(scheme), Rest: strings.TrimPrefix(rest, "//"), text: text}
	switch u.Scheme {
	case File, Passphrase:
		return u, match(rest == "" || localName.MatchString(rest), "file: and passphrase: may be followed by a name of a-z, 0-9 and -")
	case Transit:
		return u, checkTransit(text)
	case AWS:
		return u, match(awsARN.MatchString(u.Rest), "aws-kms:// is followed by the ARN of a key or an alias")
	case GCP:
		return u, match(gcpName.MatchString(u.Rest), "gcp-kms:// is followed by projects/P/locations/L/keyRings/R/cryptoKeys/K")
	case PKCS11:
		_, err := ParseToken(u.Rest)
		return u, err
	default:
		return URI{}, ErrScheme
	}
}

func match(ok bool, what string) error {
	if !ok {
		return fmt.Errorf("%w: %s", ErrForm, what)
	}
	return nil
}

func checkTransit(text string) error {
	parsed, err := url.Parse(text)
	if err != nil {
		return ErrForm // not err, which quotes the text
	}
	if parsed.User != nil || parsed.RawQuery != "" || parsed.Fragment != "" {
		return ErrSecret
	}
	return match(parsed.Host != "" && vaultPath.MatchString(parsed.EscapedPath()), "hcvault://HOST[:PORT]/MOUNT/keys/NAME")
}

// Token says which object of which PKCS#11 token is meant (RFC 7512).
type Token struct {
	Label  string // of the token
	Object string // label of the key
	Module string // path of the provider's library
}

// ParseToken reads what follows "pkcs11:".
func ParseToken(rest string) (Token, error) {
	var t Token
	path, query, _ := strings.Cut(rest, "?")
	pairs := append(strings.Split(path, ";"), strings.Split(query, "&")...)
	for _, pair := range pairs {
		if pair == "" {
			continue
		}
		name, escaped, _ := strings.Cut(pair, "=")
		value, err := url.PathUnescape(escaped)
		if err != nil {
			return Token{}, ErrForm
		}
		switch name {
		case "token":
			t.Label = value
		case "object":
			t.Object = value
		case "module-path":
			t.Module = value
		case "type":
			if value != "secret-key" {
				return Token{}, fmt.Errorf("%w: the type can only be secret-key", ErrForm)
			}
		case "pin-value", "pin-source":
			return Token{}, ErrSecret
		default:
			return Token{}, fmt.Errorf("%w: pkcs11: takes token, object, type and module-path", ErrForm)
		}
	}
	if t.Label == "" || t.Object == "" || !strings.HasPrefix(t.Module, "/") || strings.ContainsRune(t.Module+t.Object+t.Label, 0) {
		return Token{}, fmt.Errorf("%w: pkcs11:token=T;object=O?module-path=/PATH", ErrForm)
	}
	return t, nil
}
