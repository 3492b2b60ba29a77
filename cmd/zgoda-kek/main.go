// Command zgoda-kek reaches a key-encryption key outside the machine's files, in
// Vault, a cloud or a PKCS#11 token, for the keyholder, which links none of what
// that takes.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/signal"
	"path/filepath"
	"strings"
	"syscall"

	"github.com/alecthomas/kong"

	"zgoda/pseudonym/harden"
	"zgoda/pseudonym/kek"
	"zgoda/pseudonym/kek/awskms"
	"zgoda/pseudonym/kek/gcpkms"
	"zgoda/pseudonym/kek/pkcs11"
	"zgoda/pseudonym/kek/reach"
	"zgoda/pseudonym/kek/serve"
	"zgoda/pseudonym/kek/transit"
	"zgoda/pseudonym/kek/uri"
)

// Exit codes.
const (
	exitDone = iota
	exitFailed
	exitUsage
)

type flags struct {
	Socket      string   `required:"" placeholder:"PATH" help:"Unix socket to serve on, in a folder for its owner alone."`
	Provider    string   `required:"" placeholder:"URI" help:"hcvault://HOST/MOUNT/keys/NAME, aws-kms://ARN, gcp-kms://projects/..., or pkcs11:token=T;object=O?module-path=M."`
	Credentials string   `placeholder:"FILE" help:"Vault's token, AWS's credentials (profile default) or Google's service account; mode 0600. Left out for a cloud: the machine's own role."`
	PinFile     string   `placeholder:"FILE" help:"PIN of the PKCS#11 token; mode 0600."`
	CA          string   `name:"ca" placeholder:"FILE" help:"Certificates to believe, instead of the system's."`
	Endpoint    string   `placeholder:"ADDRESS" help:"Another endpoint than the usual: a URL for AWS, HOST:PORT for Google."`
	Make        bool     `help:"Make the key if there is none (Vault, PKCS#11)."`
	UID         []uint32 `name:"uid" placeholder:"UID" help:"User that may call; may repeat. Left out: our own."`
	ParentStdin bool     `help:"End when standard input does: our parent holds the other end."`
}

func main() { os.Exit(run(os.Args[1:], os.Stdin, os.Stdout, os.Stderr)) }

func run(args []string, stdin io.Reader, stdout, stderr io.Writer) int {
	var f flags
	helped := false
	parser, err := kong.New(&f, kong.Name("zgoda-kek"),
		kong.Description("Reaches a key-encryption key in Vault, a cloud or a PKCS#11 token, for the keyholder."),
		kong.Writers(stdout, stderr), kong.Exit(func(int) { helped = true }))
	if err == nil {
		_, err = parser.Parse(args)
	}
	switch {
	case helped:
		return exitDone
	case err != nil:
		_, _ = fmt.Fprintln(stderr, "zgoda-kek:", err)
		return exitUsage
	}
	if err := start(f, stdin, stdout, stderr); err != nil {
		_, _ = fmt.Fprintln(stderr, "zgoda-kek:", err)
		return exitFailed
	}
	return exitDone
}

func start(f flags, stdin io.Reader, stdout, stderr io.Writer) error {
	if err := hardened(stderr); err != nil {
		return err
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if f.ParentStdin {
		go func() {
			_, _ = io.Copy(io.Discard, stdin) // its end is the message, however it comes
			stop()
		}()
	}
	log := slog.New(slog.NewTextHandler(stderr, nil))
	key, err := open(ctx, f)
	if err != nil {
		return fmt.Errorf("key-encryption key: %w", err)
	}
	defer key.Close() //nolint:errcheck // the process is about to end
	if err := try(ctx, key); err != nil {
		if !errors.Is(err, kek.ErrAway) {
			return fmt.Errorf("try the key-encryption key: %w", err)
		}
		log.WarnContext(ctx, "the key cannot be reached for now", "error", err)
	}
	socket, err := filepath.Abs(f.Socket)
	if err != nil {
		return fmt.Errorf("find the socket: %w", err)
	}
	cfg := serve.DefaultConfig()
	cfg.Socket, cfg.UIDs = socket, f.UID
	server, err := serve.New(cfg, key, log)
	if err != nil {
		return err
	}
	go func() {
		select {
		case <-server.Serving():
			if _, err := fmt.Fprintf(stdout, "ready socket=%s\n", socket); err != nil {
				stop() // whoever started us is gone
			}
		case <-ctx.Done():
		}
	}()
	return server.Run(ctx)
}

// hardened keeps the provider's secrets, in our memory and in that of the token's
// library, out of core dumps, swap and other processes' reach.
func hardened(stderr io.Writer) error {
	if err := errors.Join(harden.Process(), harden.Environment(), checkEnvironment()); err != nil {
		return err
	}
	locked, err := harden.LockMemory()
	if err == nil && !locked {
		_, _ = fmt.Fprintln(stderr, "zgoda-kek: memory is not locked: raise the limit of locked memory (LimitMEMLOCK=infinity), or encrypt swap")
	}
	return err
}

// errLocal is returned for a key that needs no zgoda-kek.
var errLocal = errors.New("file: and passphrase: are the keyholder's own; they need no zgoda-kek")

func open(ctx context.Context, f flags) (kek.Provider, error) {
	u, err := uri.Parse(f.Provider)
	if err != nil {
		return nil, err
	}
	cfg := reach.Config{URI: u, Credentials: f.Credentials, PIN: f.PinFile, CA: f.CA, Endpoint: f.Endpoint, MayMake: f.Make}
	switch u.Scheme {
	case uri.Transit:
		return transit.Open(ctx, cfg)
	case uri.AWS:
		return awskms.Open(ctx, cfg)
	case uri.GCP:
		return gcpkms.Open(ctx, cfg)
	case uri.PKCS11:
		return pkcs11.Open(ctx, cfg)
	default:
		return nil, errLocal
	}
}

// try wraps and opens a text that means nothing, so that a wrong credential is
// told at the start and not in the night.
func try(ctx context.Context, key kek.Provider) error {
	const text, bind = "zgoda-kek tries the key", "zgoda-kek"
	wrapped, err := key.Wrap(ctx, []byte(text), []byte(bind))
	if err != nil {
		return err
	}
	plain, err := key.Unwrap(ctx, wrapped, []byte(bind))
	if err == nil && string(plain) != text {
		return kek.ErrWrong
	}
	return err
}

// secretVariables are the variables that the providers' clients would take a
// secret from, or a path of one that nobody checks.
var secretVariables = []string{
	"VAULT_TOKEN", "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN", "AWS_SHARED_CREDENTIALS_FILE",
	"AWS_BEARER_TOKEN", "GOOGLE_APPLICATION_CREDENTIALS", "GOOGLE_API_KEY",
}

// checkEnvironment refuses secrets in the environment, which other processes of
// the user can read, and takes the clients' other settings out of it: what we do
// is said by flags alone.
func checkEnvironment() error {
	for _, name := range secretVariables {
		if os.Getenv(name) != "" {
			return fmt.Errorf("the variable %s is set: a secret comes by a file of mode 0600 (--credentials)", name)
		}
	}
	for _, pair := range os.Environ() {
		name, _, _ := strings.Cut(pair, "=")
		if strings.HasPrefix(name, "VAULT_") {
			if err := os.Unsetenv(name); err != nil {
				return err
			}
		}
	}
	return nil
}
