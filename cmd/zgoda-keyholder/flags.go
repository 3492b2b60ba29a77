package main

import (
	"fmt"
	"os/user"
	"strconv"
	"strings"

	"zgoda/pseudonym/keyholder"
	"zgoda/pseudonym/role"
)

type flags struct {
	Data        string `required:"" placeholder:"DIR" help:"Folder of the keys and the vault, for its owner alone."`
	ParentStdin bool   `help:"End when standard input does: our parent holds the other end."`

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

	UnknownPerMinute int `default:"600" placeholder:"N" help:"Unknown contacts that one caller may ask about a minute, beyond --unknown-burst."`
	UnknownBurst     int `default:"10000" placeholder:"N" help:"Unknown contacts that one caller may ask about at once."`
	MintsPerSecond   int `default:"20000" placeholder:"N" help:"Contacts that one caller may have made a second."`
	RevealsPerHour   int `default:"30" placeholder:"N" help:"Contacts that one caller may have revealed an hour without a second person."`
}

// config makes the keyholder's settings of the flags.
func (f *flags) config(data string) (keyholder.Config, error) {
	cfg := keyholder.DefaultConfig()
	cfg.Data, cfg.Listen, cfg.Metrics = data, f.Listen, f.Metrics
	cfg.Socket, cfg.RightsSocket, cfg.AdminSocket = f.Socket, f.RightsSocket, f.AdminSocket
	cfg.UIDs, cfg.RightsUIDs, cfg.AdminUIDs = f.UID, f.RightsUID, f.AdminUID
	cfg.Limits.UnknownPerMinute, cfg.Limits.UnknownBurst = f.UnknownPerMinute, f.UnknownBurst
	cfg.Limits.MintsPerSecond, cfg.Limits.RevealsPerHour = f.MintsPerSecond, f.RevealsPerHour
	var err error
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
