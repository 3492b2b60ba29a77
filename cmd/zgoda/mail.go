package main

import (
	"errors"
	"fmt"
	"path/filepath"
	"strings"
	"time"

	"zgoda/collector"
	"zgoda/config"
	"zgoda/confirm"
	"zgoda/consent"
	"zgoda/console"
	"zgoda/event"
	"zgoda/gateway"
	"zgoda/mail"
	"zgoda/optout"
	"zgoda/pseudonym"
	"zgoda/renewal"
	"zgoda/subjects"
)

// mailConfigs are the settings of mail and of its links; ok is false without a
// mail server.
func mailConfigs(c config.Config) (m mail.Config, l confirm.Config, ok bool, err error) {
	m, l = mail.DefaultConfig(), confirm.DefaultConfig()
	if c.Mail.Host == "" {
		return m, l, false, nil
	}
	m.Host, m.Port, m.User, m.From = c.Mail.Host, c.Mail.Port, c.Mail.User, c.Mail.From
	if c.Mail.TLS != "" {
		m.TLS = mail.TLS(c.Mail.TLS)
	}
	for _, d := range []struct {
		text string
		to   *time.Duration
	}{{c.Mail.Timeout, &m.Timeout}, {c.Mail.LinkLife, &l.Life}} {
		if d.text == "" {
			continue
		}
		if *d.to, err = time.ParseDuration(d.text); err != nil {
			return m, l, false, fmt.Errorf("mail: %w", err)
		}
	}
	password, err := c.Mail.Password()
	if err != nil {
		return m, l, false, err
	}
	m.Password = mail.Secret(password.Reveal())
	l.Links = c.Mail.Links
	return m, l, true, nil
}

// checkMail says what is wrong with the settings of mail, by key.
func checkMail(c config.Config) error {
	m, l, ok, err := mailConfigs(c)
	if err != nil || !ok {
		return err
	}
	return errors.Join(m.Validate(), l.Validate())
}

// makeConfirm makes what sends links and answers their page, if there is a mail
// server.
func (n *node) makeConfirm(blinder *pseudonym.Blinder) (err error) {
	if n.people, err = subjects.NewDirectory(n.subjects, blinder, n.rights, n.control); err != nil {
		return err
	}
	n.optOuts, err = optout.New(optout.Deps{People: n.people, Logger: n.log, Registerer: n.registry})
	if err != nil {
		return err
	}
	policies := make([]*consent.Policy, 0, len(n.sites.policies))
	for _, p := range n.sites.policies {
		policies = append(policies, p)
	}
	n.renewal, err = renewal.New(renewal.Deps{
		Store: n.control, People: n.people, Policies: policies, Logger: n.log, Registerer: n.registry,
	})
	if err != nil {
		return err
	}
	key, err := confirm.OpenKey(filepath.Join(n.places.control, "links.key"))
	if err != nil {
		return err
	}
	n.footers, err = confirm.NewFooters(confirm.FooterDeps{
		People: n.people, Sites: n.sites.confirmed, Key: key, Logger: n.log, Registerer: n.registry,
	})
	if err != nil {
		return err
	}
	m, l, ok, err := mailConfigs(n.config)
	if err != nil || !ok {
		return err
	}
	sender, err := mail.New(m)
	if err != nil {
		return err
	}
	n.confirm, err = confirm.New(l, confirm.Deps{
		People: n.people, Links: n.control, Mail: sender, Blinder: blinder, Sites: n.sites.confirmed, Key: key,
		Logger: n.log, Registerer: n.registry,
	})
	if err != nil {
		return err
	}
	return n.makeProofs(l, sender, key)
}

// optIns and confirmations are nothing without a mail server: an interface that
// holds a nil pointer would be something.
func (n *node) optIns() console.OptIns {
	if n.confirm == nil {
		return nil
	}
	return n.confirm
}

func (n *node) confirmations() gateway.Confirmations {
	if n.confirm == nil {
		return nil
	}
	return n.confirm
}

// confirmed is what mails and pages say of a site.
func (s sites) confirmed(id event.SiteID) (confirm.Site, bool) {
	site := s.texts[id]
	if site == nil {
		return confirm.Site{}, false
	}
	return confirm.Site{
		Policy: site.Policy, Controller: site.Controller.Name, Address: site.Controller.Address, Contact: site.Controller.Contact,
		Text: func(purpose event.PurposeID, lang string) string {
			for _, p := range site.Purposes {
				if p.ID == purpose {
					return p.In(lang)
				}
			}
			return ""
		},
	}, true
}

// secretOf tells whose secret key a token is. A key that is public too opens
// nothing of the console.
func (s sites) secretOf(token string) (event.SiteID, bool) {
	site, class := s.collected.ByKey([]byte(strings.TrimSpace(token)))
	if site == nil || class != collector.KeySecret {
		return "", false
	}
	return site.ID, true
}
