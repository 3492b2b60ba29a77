package main

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"slices"
	"time"

	"zgoda/config"
	"zgoda/control"
	"zgoda/event"
	"zgoda/export"
	"zgoda/export/gather"
	"zgoda/notice"
	"zgoda/opendsr"
	"zgoda/pseudonym"
)

// noticeHosts are those that notices and callbacks may go to: the recipients, and
// whom the configuration names beside them.
func noticeHosts(c *config.Rights) []string {
	hosts := slices.Clone(c.Hosts)
	for i := range c.Recipients {
		hosts = append(hosts, notice.HostOf(c.Recipients[i].URL))
	}
	return hosts
}

// openDSRRights are done when another system asks for them. A correction is not: its
// new value has no place in OpenDSR.
var openDSRRights = []control.Right{
	control.RightErasure, control.RightAccess, control.RightPortability, control.RightRestriction,
	control.RightObjection, control.RightAutomated, control.RightWithdrawal,
}

// makeOpenDSR makes what serves OpenDSR, where it is configured.
func (n *node) makeOpenDSR() error {
	c := &n.config.OpenDSR
	if c.Domain == "" {
		return nil
	}
	certificate, private := c.Files()
	key, err := opendsr.LoadKey(certificate, private, c.Domain, time.Now())
	if err != nil {
		return err
	}
	if time.Until(key.Expires()) < 30*24*time.Hour {
		n.log.Warn("the certificate of OpenDSR ends soon", "at", key.Expires())
	}
	client := notice.NewClient(notice.Config{Hosts: n.config.Rights.Hosts})
	cfg := opendsr.Config{Domain: c.Domain, Rights: openDSRRights}
	for _, who := range c.Controllers {
		cfg.Controllers = append(cfg.Controllers, opendsr.Controller{ID: who.ID, Site: event.SiteID(who.Site)})
	}
	n.opendsr, err = opendsr.New(cfg, opendsr.Deps{
		Key: key, Store: n.control, Requests: n.requests, People: n.people, BadIdentifier: pseudonym.ErrIdentifier,
		Callable: func(address string) error { return notice.Callable(client, address) },
		Results:  openDSRResults{n.exports}, Passing: n.gate.Passing, Wake: n.notices.Wake, Logger: n.log,
	})
	if err == nil {
		n.notices.Use(control.NoticeOpenDSR, n.opendsr)
	}
	return err
}

// runOpenDSR tells statuses until ctx ends.
func (n *node) runOpenDSR(ctx context.Context) error {
	if n.opendsr == nil {
		return nil
	}
	return n.opendsr.Run(ctx)
}

// openDSRRoutes are its routes on the console's listener, and the name by which other
// systems know that.
func (n *node) openDSRRoutes() (others map[string]http.Handler, hosts []string) {
	if n.opendsr == nil {
		return nil, nil
	}
	others = map[string]http.Handler{}
	for _, pattern := range opendsr.Patterns() {
		others[pattern] = n.opendsr
	}
	return others, []string{n.config.OpenDSR.Domain}
}

// openDSRResults hands exports out.
type openDSRResults struct{ desk *gather.Desk }

// Write hands one out, with which its request is done.
func (o openDSRResults) Write(ctx context.Context, r control.Request, w io.Writer) error {
	ctx = pseudonym.WithAct(ctx, pseudonym.Act{Actor: r.Actor, Reason: r.Reason})
	prepared, err := o.desk.Prepare(ctx, r, nil)
	if err != nil {
		return fmt.Errorf("gather what a request asks for: %w", err)
	}
	return o.desk.Hand(ctx, r, prepared, export.JSON, r.Actor, w)
}
