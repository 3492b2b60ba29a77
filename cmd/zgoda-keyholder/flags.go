package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net/url"
	"os/user"
	"strconv"
	"strings"
	"time"

	"zgoda/killpoint"
	"zgoda/pseudonym/kek/prompt"
	"zgoda/pseudonym/keyholder"
	"zgoda/pseudonym/person"
	"zgoda/pseudonym/private"
	"zgoda/pseudonym/role"
)

type flags struct {
	Data        string `required:"" placeholder:"DIR" help:"Folder of the keys and the vault, for its owner alone."`
	ParentStdin bool   `help:"End when standard input does: our parent holds the other end."`

	Vault             string `placeholder:"ADDRESS" help:"PostgreSQL database that several keyholders share, postgres://USER@HOST/NAME, without a password. Left out: a file in --data. Needs --kek at Vault or a PKCS#11 token, and a --data of each one's own."`
	VaultPasswordFile string `placeholder:"FILE" help:"File of mode 0600 with the password for --vault."`

	Socket       string   `required:"" placeholder:"PATH" help:"Unix socket of the gateways, in a folder for its owner alone."`
	RightsSocket string   `placeholder:"PATH" help:"Unix socket of who answers people's requests. Left out: rights.sock beside --socket."`
	AdminSocket  string   `placeholder:"PATH" help:"Unix socket of who looks after the keys. Left out: admin.sock beside --socket."`
	UID          []uint32 `name:"uid" placeholder:"UID" help:"User that may call on --socket; may repeat. Left out: our own."`
	RightsUID    []uint32 `name:"rights-uid" placeholder:"UID" help:"User that may call on --rights-socket; may repeat. Left out: our own."`
	AdminUID     []uint32 `name:"admin-uid" placeholder:"UID" help:"User that may call on --admin-socket; may repeat. Left out: our own."`
	SocketGroup  string   `placeholder:"GROUP" help:"Group that may reach the sockets: name or number. Left out: our own user alone."`

	Listen  string   `placeholder:"HOST:PORT" help:"Serve callers with certificates here, too (zgoda keys issue makes them)."`
	Bar     []string `placeholder:"ROLE/NAME" help:"Holder of a certificate that is refused from now on; may repeat."`
	Metrics string   `placeholder:"HOST:PORT" help:"Serve /metrics here, in clear."`

	KEK          string   `name:"kek" placeholder:"URI" help:"Key-encryption key of new keys: file: (default), passphrase:, hcvault://..., aws-kms://..., gcp-kms://..., pkcs11:... Keys that are there name their own."`
	KEKSocket    string   `name:"kek-socket" placeholder:"PATH" help:"Unix socket of zgoda-kek, for all but file: and passphrase:. One for another key, to be changed to, is looked for at PATH.next."`
	KEKUID       []uint32 `name:"kek-uid" placeholder:"UID" help:"User that zgoda-kek runs as; may repeat. Left out: our own."`
	PassphraseFD int      `name:"passphrase-fd" placeholder:"N" help:"Descriptor, 3 or more, to read the passphrase from. Left out: asked at the terminal."`

	RewrapAt      string `default:"03:00" placeholder:"HH:MM" help:"When salts and contacts' keys are sealed under a new key each day, UTC; default ${default}."`
	AnalyticsKeep int    `default:"13" placeholder:"MONTHS" help:"How long a month's analytics key is kept after the month; default ${default}."`

	UnknownPerMinute int `default:"600" placeholder:"N" help:"Unknown contacts that one caller may ask about a minute, beyond --unknown-burst; default ${default}."`
	UnknownBurst     int `default:"10000" placeholder:"N" help:"Unknown contacts that one caller may ask about at once; default ${default}."`
	MintsPerSecond   int `default:"20000" placeholder:"N" help:"Contacts that one caller may have made a second; default ${default}."`
	MintsPerDay      int `default:"2000000" placeholder:"N" help:"Contacts that one caller may have made a day, default ${default}; 0: any number."`
	RevealsPerHour   int `default:"30" placeholder:"N" help:"Contacts that one caller may have revealed an hour without a second person; default ${default}."`
	ErasuresPerHour  int `default:"100000" placeholder:"N" help:"Contacts that one caller may have destroyed an hour, default ${default}; 0: any number."`

	AttachmentLimit string `default:"16MiB" placeholder:"SIZE" help:"Largest document that is kept of a contact, in MiB, GiB or TiB, default ${default}. All of a contact's together: 16 times as much."`
}

// config makes the keyholder's settings of the flags.
func (f *flags) config(data string) (keyholder.Config, error) {
	cfg := keyholder.DefaultConfig()
	cfg.Data, cfg.Listen, cfg.Metrics, cfg.Now = data, f.Listen, f.Metrics, killpoint.Now
	cfg.Socket, cfg.RightsSocket, cfg.AdminSocket = f.Socket, f.RightsSocket, f.AdminSocket
	cfg.UIDs, cfg.RightsUIDs, cfg.AdminUIDs = f.UID, f.RightsUID, f.AdminUID
	cfg.Limits.UnknownPerMinute, cfg.Limits.UnknownBurst = f.UnknownPerMinute, f.UnknownBurst
	cfg.Limits.MintsPerSecond, cfg.Limits.MintsPerDay, cfg.Limits.RevealsPerHour = f.MintsPerSecond, f.MintsPerDay, f.RevealsPerHour
	cfg.Limits.ErasuresPerHour = f.ErasuresPerHour
	cfg.KEK.URI, cfg.KEK.Socket, cfg.KEK.HelperUIDs = f.KEK, f.KEKSocket, f.KEKUID
	cfg.AnalyticsMonths = f.AnalyticsKeep
	var err error
	if f.RewrapAt != "" {
		if cfg.RewrapAt, err = timeOfDay(f.RewrapAt); err != nil {
			return cfg, err
		}
	}
	if f.AttachmentLimit != "" {
		if cfg.Documents, err = documentsOf(f.AttachmentLimit); err != nil {
			return cfg, err
		}
	}
	if cfg.KEK.Passphrase, err = f.asking(); err != nil {
		return cfg, err
	}
	if cfg.VaultPassword, err = f.vaultPassword(); err != nil {
		return cfg, err
	}
	cfg.Vault = f.Vault
	if f.SocketGroup != "" {
		if cfg.Group, err = groupOf(f.SocketGroup); err != nil {
			return cfg, err
		}
	}
	for _, text := range f.Bar {
		r, name, _ := strings.Cut(text, "/")
		who := role.Caller{Name: name}
		if who.Role, err = role.Parse(r); err == nil {
			err = role.CheckName(name)
		}
		if err != nil {
			return cfg, fmt.Errorf("--bar: %w", err)
		}
		cfg.Barred = append(cfg.Barred, who)
	}
	return cfg, nil
}

// vaultPassword reads the password of the shared vault. One in the address could
// be read by every process of the machine.
func (f *flags) vaultPassword() ([]byte, error) {
	if u, err := url.Parse(f.Vault); err != nil {
		return nil, errors.New("--vault takes postgres://USER@HOST/NAME")
	} else if _, has := u.User.Password(); has || u.Query().Has("password") {
		return nil, errors.New("--vault holds a password, which other processes could read; give it by --vault-password-file")
	}
	if f.VaultPasswordFile == "" {
		return nil, nil
	}
	password, err := private.ReadFile(f.VaultPasswordFile)
	if err != nil {
		return nil, fmt.Errorf("--vault-password-file: %w", err)
	}
	return bytes.TrimRight(password, "\r\n"), nil
}

// timeOfDay reads HH:MM, as what has passed since midnight.
func timeOfDay(text string) (time.Duration, error) {
	at, err := time.Parse("15:04", text)
	if err != nil {
		return 0, errors.New("--rewrap-at takes a time of day, as 03:00")
	}
	return time.Duration(at.Hour())*time.Hour + time.Duration(at.Minute())*time.Minute, nil
}

// documentsShare is how many documents of the largest size a contact has room for.
const documentsShare = 16

// documentsOf reads the size of the largest document, as sizes are written in the
// gateway's configuration.
func documentsOf(text string) (person.Limits, error) {
	for unit, shift := range map[string]int{"MiB": 20, "GiB": 30, "TiB": 40} {
		number, ok := strings.CutSuffix(text, unit)
		if !ok {
			continue
		}
		n, err := strconv.ParseInt(number, 10, 19) // 16 times as much of the largest unit is still an int64
		if err == nil && n > 0 {
			return person.Limits{Document: n << shift, Documents: documentsShare * n << shift}, nil
		}
	}
	return person.Limits{}, errors.New("--attachment-limit takes a size, as 16MiB or 1GiB")
}

// asking says how the passphrase of the key-encryption key is come by, should it
// be one. A child of another program's is in the terminal's background, where
// asking would stop it.
func (f *flags) asking() (func(ctx context.Context, first bool) ([]byte, error), error) {
	switch {
	case f.PassphraseFD != 0 && f.PassphraseFD <= 2:
		return nil, errors.New("--passphrase-fd takes 3 or more: 0 to 2 are the standard ones")
	case f.PassphraseFD != 0:
		return prompt.Descriptor(f.PassphraseFD), nil
	case f.ParentStdin:
		return nil, nil
	}
	ask, err := prompt.Terminal()
	if err != nil {
		return nil, nil //nolint:nilerr // without a terminal there is nobody to ask, which is told once it matters
	}
	return ask, nil
}

func groupOf(text string) (int, error) {
	id := text
	if _, err := strconv.ParseUint(text, 10, 31); err != nil {
		g, err := user.LookupGroup(text)
		if err != nil {
			return -1, fmt.Errorf("--socket-group: %w", err)
		}
		id = g.Gid
	}
	n, err := strconv.Atoi(id)
	if err != nil {
		return -1, fmt.Errorf("--socket-group: %w", err)
	}
	return n, nil
}
