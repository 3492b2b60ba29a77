package main

import (
	"fmt"
	"time"

	"zgoda/anchor"
	"zgoda/config"
	"zgoda/event"
	"zgoda/export/gather"
	"zgoda/notice"
)

// makeExports makes what hands out what is held of a person.
func (n *node) makeExports() (err error) {
	sites, err := exportSites(&n.config, n.sites)
	if err != nil {
		return err
	}
	deps := gather.Deps{
		Store: n.control, People: n.rights, Rows: n.admin, Records: n.subjects, Requests: n.requests,
		Site:   func(id event.SiteID) (*gather.Site, bool) { s, ok := sites[id]; return s, ok },
		Logger: n.log, Registerer: n.registry,
	}
	if hosts := n.config.Rights.Hosts; len(hosts) > 0 {
		client := notice.NewClient(notice.Config{Hosts: hosts, Timeout: uploadWithin})
		deps.Client, deps.Class, deps.Signer = client, notice.Class, exportSigner{n.ledgerKey}
		deps.Callable = func(url string) error { return notice.Callable(client, url) }
	}
	n.exports, err = gather.New(deps)
	return err
}

// exportSites are what the sites say of themselves, for exports.
func exportSites(c *config.Config, s sites) (map[event.SiteID]*gather.Site, error) {
	kept, err := config.ParseRetention(c.Retention.ContactAfterLastSeen)
	if err != nil {
		return nil, err
	}
	out := map[event.SiteID]*gather.Site{}
	for i := range c.Sites {
		site := &c.Sites[i]
		id := event.SiteID(site.ID)
		if policy := s.policies[id]; policy != nil {
			out[id] = &gather.Site{Site: *receiptSite(site, policy), Policy: policy, Contact: site.Controller.Contact, ContactKept: period(kept)}
		}
	}
	return out, nil
}

// exportSigner signs uploads with the key of the ledger's checkpoints.
type exportSigner struct{ anchor.Key }

// Name is the key's, with the hash by which others tell keys of one name apart.
func (s exportSigner) Name() string {
	return fmt.Sprintf("%s+%08x", s.Signer.Name(), s.Signer.KeyHash())
}

// Sign signs a message.
func (s exportSigner) Sign(message []byte) ([]byte, error) { return s.Signer.Sign(message) }

// uploadWithin bounds one upload to another controller.
const uploadWithin = 10 * time.Minute
