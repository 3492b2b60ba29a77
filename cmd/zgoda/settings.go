package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"zgoda/cli"
	"zgoda/collector"
	"zgoda/config"
	"zgoda/consent"
	"zgoda/event"
	"zgoda/gateway"
	"zgoda/spool"
	"zgoda/web"
)

// resolve puts flags over variables over the file over the defaults.
func resolve(f cli.GatewayFlags) (config.Config, error) {
	c, err := config.Resolve(config.Settings{
		Data: f.Data, Public: f.Public, Console: f.Console, Ops: f.Ops, ClickHouse: config.DSN(f.ClickHouse),
		Candidate: f.Candidate,
	}, f.Config, os.LookupEnv)
	if err != nil {
		return config.Config{}, err
	}
	if c.Data, err = filepath.Abs(c.Data); err != nil {
		return config.Config{}, fmt.Errorf("find the data folder: %w", err)
	}
	if f.Demo {
		c.Sites = append(c.Sites, config.Demo())
	}
	if err := c.Validate(); err != nil {
		return config.Config{}, err
	}
	if len(c.Sites) == 0 {
		return config.Config{}, errors.New("there is no site: give --config FILE, or --demo to try it out")
	}
	return c, nil
}

// check validates a configuration and explains it.
func check(ctx context.Context, f cli.CheckFlags, out, _ io.Writer) error {
	c, err := config.Resolve(config.Settings{}, f.Config, os.LookupEnv)
	if err != nil {
		return err
	}
	if err := checkMail(c); err != nil {
		return err
	}
	if err := c.Check(out); err != nil {
		return err
	}
	return checkTexts(ctx, &c, out)
}

// sites are the configured sites in the forms that the rooms need.
type sites struct {
	collected *collector.Sites
	policies  map[event.SiteID]*consent.Policy
	texts     map[event.SiteID]*config.Site
	requests  map[event.SiteID][]gateway.ConsentRequest
	trials    trials
	demo      *web.Shop // nil without --demo
}

func makeSites(c config.Config, demo bool) (sites, error) {
	list, err := c.MakeSites()
	if err != nil {
		return sites{}, err
	}
	s := sites{policies: map[event.SiteID]*consent.Policy{}, texts: map[event.SiteID]*config.Site{}, requests: map[event.SiteID][]gateway.ConsentRequest{}}
	var collected []collector.Site
	for i := range list {
		site := &list[i]
		s.texts[site.ID] = site
		s.policies[site.ID], s.requests[site.ID] = site.Policy, requestsOf(site)
		collected = append(collected, collector.Site{
			ID: site.ID, PublicKeys: site.PublicKeys, Secret: collector.Secret(site.Secret.Reveal()), Origins: site.Origins,
			Loopback: site.Loopback, Policy: site.Policy, KeepProperties: site.KeepProperties, KeepQuery: site.KeepQuery, ReleaseUnset: site.ReleaseUnset, Cookieless: site.Cookieless,
			Keeping: keepings[site.Traits.Keep], KeepTraits: site.Traits.Names,
			Special: collector.SpecialData(site.Special), Criminal: collector.SpecialData(site.Criminal), Child: collector.SpecialData(site.Child),
		})
		if demo && site.Loopback {
			s.demo = shop(site)
		}
	}
	if s.trials, err = addCandidates(c, collected); err != nil {
		return sites{}, err
	}
	s.collected, err = collector.NewSites(collected)
	return s, err
}

// keepings say what a site keeps of what its contacts say; an unknown word nothing.
var keepings = map[string]collector.Keeping{config.KeepAll: collector.KeepAll, config.KeepListed: collector.KeepListed}

// Policy returns a site's policy, for the console.
func (s sites) Policy(id event.SiteID) (*consent.Policy, bool) {
	p, ok := s.policies[id]
	return p, ok
}

// find returns a site's policy or nil, for the consent set.
func (s sites) find(id event.SiteID) *consent.Policy { return s.policies[id] }

// shop is what the demo shop says about its site.
func shop(site *config.Site) *web.Shop {
	shop := &web.Shop{
		Key: site.PublicKeys[0], Controller: site.Controller.Name, Address: site.Controller.Address,
		Contact: site.Controller.Contact, Version: site.Policy.Version,
	}
	for i, p := range site.Purposes {
		shop.Purposes = append(shop.Purposes, web.ShopPurpose{
			ID: string(p.ID), Kind: p.Kind, Text: p.In("en"), Keeps: keeps(site.Policy.Purposes[i].Retention),
			Asks: site.Policy.Purposes[i].Basis == consent.BasisConsent,
		})
	}
	return shop
}

// keeps writes a retention for people.
func keeps(r consent.Retention) string {
	if r.Days > 0 {
		return fmt.Sprintf("%d days", r.Days)
	}
	return fmt.Sprintf("%d months", r.Months)
}

// spoolConfig fits the spool to its limit: segments and what is read at once are
// a sixteenth of it at most, so that what is shipped soon makes room.
func spoolConfig(c config.Config, dir string) (spool.Config, error) {
	limit, err := c.SpoolBytes()
	if err != nil {
		return spool.Config{}, fmt.Errorf("spool_limit: %w", err)
	}
	s := spool.DefaultConfig()
	s.Dir, s.MaxBytes = dir, limit
	s.SegmentBytes = max(int64(s.GroupBytes), min(s.SegmentBytes, limit/16))
	s.ReadBytes = int(min(int64(s.ReadBytes), limit/16))
	return s, nil
}

// modules are the places where what npm fetched may lie: beside the binaries,
// and in node_modules of the folders above the binaries and the working folder.
func modules(name ...string) string {
	var starts []string
	if exe, err := os.Executable(); err == nil {
		starts = append(starts, filepath.Dir(exe))
	}
	if wd, err := os.Getwd(); err == nil {
		starts = append(starts, wd)
	}
	for _, start := range starts {
		beside := filepath.Join(start, name[len(name)-1])
		if _, err := os.Stat(beside); err == nil {
			return beside
		}
		for dir := start; ; dir = filepath.Dir(dir) {
			path := filepath.Join(append([]string{dir, "node_modules"}, name...)...)
			if _, err := os.Stat(path); err == nil {
				return path
			}
			if dir == filepath.Dir(dir) {
				break
			}
		}
	}
	return ""
}
