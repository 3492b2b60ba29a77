package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"

	"golang.org/x/mod/sumdb/note"

	"zgoda/config"
	"zgoda/control/checkpoint"
	"zgoda/control/ledger"
	"zgoda/doctor"
	"zgoda/pseudonym/kek/uri"
)

// doctorSettings validates a configuration and says where it has zgoda doctor look.
func doctorSettings(file string) (doctor.Settings, error) {
	c, err := config.Resolve(config.Settings{}, file, os.LookupEnv)
	if err != nil {
		return doctor.Settings{Given: file != ""}, err
	}
	k := c.Keyholder
	s := doctor.Settings{
		Given: file != "", File: file, Ops: c.Ops, KeyholderMetrics: k.Metrics, Secrets: c.SecretFiles(), Certificates: c.CertificateFiles(),
		KeyholderAddress: k.Address, AdminCertificate: c.KeyholderAdministrator(), AdminSocket: k.AdminSocket, RightsSocket: k.RightsSocket, KeyholderUID: k.UID,
	}
	_, s.RightsCertificate = c.KeyholderCertificates()
	kek, err := uri.Parse(c.KEK.URI)
	s.LocalKEK = err == nil && kek.Scheme == uri.File && k.Address == ""
	if file == "" {
		return s, nil
	}
	if err := c.Validate(); err != nil {
		return s, err
	}
	_, err = makeSites(c, false)
	_, secrets := c.Rights.Secrets()
	_, address := c.ControlAddress()
	return s, errors.Join(err, secrets, address, checkMail(c))
}

// checks are what this gateway alone can look at.
func (n *node) checks() []doctor.Check {
	return []doctor.Check{
		{Name: "ledger", Look: n.lookAtLedger},
		{Name: "tables", Look: n.lookAtTables},
	}
}

const ledgerDoubt = "consents could not be proven with it any more"

// lookAtLedger holds the last checkpoint against the chain, and walks the chain from
// there to its head.
func (n *node) lookAtLedger(ctx context.Context) []doctor.Finding {
	broken := func(what string) []doctor.Finding {
		return []doctor.Finding{{
			Level: doctor.Problem, What: what, Why: ledgerDoubt,
			Do: "treat it as an incident: keep a copy of the control store, then find the first bad entry: `zgoda ledger export > FILE`; `zgoda ledger verify FILE --key KEY --anchor FILE`", Runbook: "ZgodaLedgerUnanchored",
		}}
	}
	msg, err := n.control.LastCheckpoint(ctx, n.control.Writer())
	if err != nil {
		return []doctor.Finding{{Level: doctor.Failed, What: "the last checkpoint could not be read: " + err.Error()}}
	}
	from := ledger.Head{Writer: n.control.Writer()}
	if msg != nil {
		key, err := note.NewVerifier(n.ledgerKey.Public)
		if err != nil {
			return []doctor.Finding{{Level: doctor.Failed, What: "the ledger's key cannot be read"}}
		}
		c, err := checkpoint.Open(msg, []note.Verifier{key})
		if err != nil {
			return broken("the last checkpoint " + err.Error())
		}
		from = c.Head
	}
	end, err := n.control.VerifySince(ctx, from)
	bad, altered := errors.AsType[*ledger.BadEntryError](err)
	switch {
	case altered:
		return broken(bad.Error())
	case ctx.Err() != nil:
		return []doctor.Finding{{Level: doctor.Warning, What: "there is too much behind the last checkpoint to be checked in this time", Do: "`zgoda ledger export > FILE`; `zgoda ledger verify FILE`"}}
	case err != nil:
		return []doctor.Finding{{Level: doctor.Failed, What: "the ledger could not be read: " + err.Error()}}
	}
	text := fmt.Sprintf("the chain holds from the last checkpoint (entry %d) to its end (entry %d)", from.Number, end.Number)
	if n.config.Ledger.Anchors == (config.Anchors{}) {
		text += "; no checkpoint is kept elsewhere (ledger.anchors), so that who can write to the store could begin it anew"
	}
	return []doctor.Finding{{Level: doctor.OK, What: text}}
}

// lookAtTables lists tables that are none of ours: no erasure goes through them.
func (n *node) lookAtTables(ctx context.Context) (list []doctor.Finding) {
	type place struct {
		name string
		find func(context.Context) ([]string, error)
	}
	places := []place{{"the control store", n.control.Strangers}}
	for _, p := range n.probes.all {
		name := "ClickHouse's database"
		if p.server != firstServer {
			name += " on the replica " + p.store.Address()
			if p.away() > 0 {
				continue // that is told, and waited for
			}
		}
		places = append(places, place{name, p.store.Strangers})
	}
	for _, place := range places {
		names, err := place.find(ctx)
		switch {
		case err != nil:
			list = append(list, doctor.Finding{Level: doctor.Failed, What: "the tables of " + place.name + " could not be listed: it did not answer in time"})
		case len(names) > 0:
			list = append(list, doctor.Finding{
				Level: doctor.Problem, What: fmt.Sprintf("in %s, and in no list of what is kept: %s", place.name, strings.Join(names[:min(len(names), 10)], ", ")),
				Why: "no erasure goes through them, and no certificate tells of them", Do: "find out who made them; drop them, or keep them in a database of their own after looking whether they hold anything personal",
			})
		}
	}
	return list
}
