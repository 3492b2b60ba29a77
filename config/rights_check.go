package config

import (
	"fmt"
	"net"
	"net/netip"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"zgoda/event"
)

// RightNames are the rights as the configuration writes them.
var RightNames = []string{
	"access", "rectification", "erasure", "restriction", "portability", "objection", "automated", "withdrawal",
}

var hostName = regexp.MustCompile(`^[a-z0-9]([a-z0-9.-]{0,251}[a-z0-9])?$`)

// rights checks what is said about requests of data subjects.
func (v *checker) rights(c *Config) {
	r := &c.Rights
	for _, d := range []struct {
		key, text string
		least     time.Duration
	}{{"limit", r.Limit, time.Minute}, {"undo", r.Undo, 0}, {"gather", r.Gather, time.Second}} {
		if got, err := rightsTime(d.text, d.least); err != nil {
			v.fail("rights."+d.key, "%w", err)
		} else if got < d.least {
			v.fail("rights."+d.key, "must be at least %s", d.least)
		}
	}
	if r.Batch < 0 || r.Batch > maxEraseBatch {
		v.fail("rights.batch", "must be 1 to %d", maxEraseBatch)
	}
	if r.Reviewers < 0 || r.Reviewers > maxReviewers {
		v.fail("rights.reviewers", "must be 0 to %d", maxReviewers)
	}
	if _, err := time.LoadLocation(r.Zone); err != nil || r.Zone == "Local" {
		v.fail("rights.zone", "must be a time zone such as Europe/Bratislava")
	}
	if r.BackupsKeep != "" {
		keep, err := ParseRetention(r.BackupsKeep)
		switch {
		case err != nil:
			v.fail("rights.backups_keep", "%w", err)
		case keep.Months*31+keep.Days > maxBackupDays:
			v.fail("rights.backups_keep", "must be six months at most: for so long the keyholder's journal of erasures can be kept")
		}
	}
	for i, h := range r.Hosts {
		if !allowedHost(h) {
			v.fail(fmt.Sprintf("rights.hosts[%d]", i), "must be a host, with a port if it is not 443: mailer.example or mailer.example:8443")
		}
	}
	v.outside(c)
	v.openDSR(c)
}

// outside checks the systems and recipients.
func (v *checker) outside(c *Config) {
	names := map[string]bool{}
	name := func(path, name string) {
		if !siteID.MatchString(name) {
			v.fail(path+".name", "must be 1 to 63 of a-z 0-9 _ -, starting with a letter or digit")
		}
		if names[name] {
			v.fail(path+".name", "another system or recipient has the same name")
		}
		names[name] = true
	}
	for i := range c.Rights.Systems {
		path := fmt.Sprintf("rights.systems[%d]", i)
		name(path, c.Rights.Systems[i].Name)
		v.rightNames(path, c.Rights.Systems[i].Rights)
	}
	for i := range c.Rights.Recipients {
		path, r := fmt.Sprintf("rights.recipients[%d]", i), &c.Rights.Recipients[i]
		name(path, r.Name)
		v.rightNames(path, r.Rights)
		if !logURL(r.URL) {
			v.fail(path+".url", "must be an https URL (http on loopback only) without a user")
		}
		if r.SecretFile == "" {
			v.fail(path+".secret_file", "must name the file with the secret that notices are signed with")
		}
		if len(r.Identifiers) == 0 {
			v.fail(path+".identifiers", "must name the kinds of identifiers that the recipient knows people by")
		}
		for j, kind := range r.Identifiers {
			if _, _, err := event.ParseIdentifier(kind + ":x"); err != nil {
				v.fail(fmt.Sprintf("%s.identifiers[%d]", path, j), "must be a kind of identifier such as email or user_id")
			}
		}
		for j, p := range r.Purposes {
			if !slices.ContainsFunc(c.Sites, func(s SiteConfig) bool { return s.purpose(p) != nil }) {
				v.fail(fmt.Sprintf("%s.purposes[%d]", path, j), "must name a purpose of a site")
			}
		}
	}
}

func (v *checker) rightNames(path string, rights []string) {
	if len(rights) == 0 {
		v.fail(path+".rights", "must name the rights that it has to do with: %s", strings.Join(RightNames, ", "))
	}
	for i, r := range rights {
		if !slices.Contains(RightNames, r) {
			v.fail(fmt.Sprintf("%s.rights[%d]", path, i), "must be one of %s", strings.Join(RightNames, ", "))
		}
	}
}

func (v *checker) openDSR(c *Config) {
	o := &c.OpenDSR
	if o.Domain == "" {
		if o.Certificate != "" || o.Key != "" || len(o.Controllers) > 0 {
			v.fail("opendsr.domain", "must name the domain that OpenDSR is served for")
		}
		return
	}
	if !hostName.MatchString(o.Domain) {
		v.fail("opendsr.domain", "must be a domain, for example dsr.example")
	}
	if o.Certificate == "" || o.Key == "" {
		v.fail("opendsr.certificate", "must be named, with key: every answer is signed")
	}
	ids := map[string]bool{}
	for i, controller := range o.Controllers {
		path := fmt.Sprintf("opendsr.controllers[%d]", i)
		if controller.ID == "" || len(controller.ID) > 128 || ids[controller.ID] {
			v.fail(path+".id", "must be an id of its own, at most 128 bytes")
		}
		ids[controller.ID] = true
		if !slices.ContainsFunc(c.Sites, func(s SiteConfig) bool { return s.ID == controller.Site }) {
			v.fail(path+".site", "must be a site")
		}
	}
}

// reach checks what becomes of rows that are there already.
func (v *checker) reach(path string, s *SiteConfig) {
	if s.ProfilingOffHistory != "" && !slices.Contains([]string{HistoryErase, HistoryAnonymise, HistoryKeep}, s.ProfilingOffHistory) {
		v.fail(path+".profiling_off_history", "must be erase, anonymise or keep")
	}
	for i := range s.Purposes {
		if w := s.Purposes[i].OnWithdrawal; w != "" && w != HistoryErase && w != HistoryAnonymise {
			v.fail(fmt.Sprintf("%s.purposes[%d].on_withdrawal", path, i), "must be erase or anonymise")
		}
	}
}

func allowedHost(text string) bool {
	host := text
	if h, port, err := net.SplitHostPort(text); err == nil {
		if n, err := strconv.ParseUint(port, 10, 16); err != nil || n == 0 {
			return false
		}
		host = h
	}
	_, err := netip.ParseAddr(host)
	return err == nil || hostName.MatchString(host)
}
