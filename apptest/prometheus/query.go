package prometheus

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"time"
)

// Sample is one series' value.
type Sample struct {
	Labels map[string]string
	Value  float64
	At     time.Time
}

// Firing is an alert that is pending or firing.
type Firing struct {
	Name, State, Severity string
	Since                 time.Time
	Labels                map[string]string
}

// Query asks for the value of an expression now. An error is in Prometheus' own
// words.
func (s *Server) Query(ctx context.Context, expr string) ([]Sample, error) {
	var got struct {
		ResultType string          `json:"resultType"`
		Result     json.RawMessage `json:"result"`
	}
	if err := s.ask(ctx, "/api/v1/query?query="+url.QueryEscape(expr), &got); err != nil {
		return nil, fmt.Errorf("query %s: %w", expr, err)
	}
	type point [2]any
	var series []struct {
		Metric map[string]string `json:"metric"`
		Value  point             `json:"value"`
	}
	switch got.ResultType {
	case "vector":
		if err := json.Unmarshal(got.Result, &series); err != nil {
			return nil, fmt.Errorf("query %s: %w", expr, err)
		}
	case "scalar":
		series = append(series, struct {
			Metric map[string]string `json:"metric"`
			Value  point             `json:"value"`
		}{})
		if err := json.Unmarshal(got.Result, &series[0].Value); err != nil {
			return nil, fmt.Errorf("query %s: %w", expr, err)
		}
	default:
		return nil, fmt.Errorf("query %s: the answer is a %s", expr, got.ResultType)
	}
	all := make([]Sample, 0, len(series))
	for _, one := range series {
		seconds, ok := one.Value[0].(float64)
		text, isText := one.Value[1].(string)
		v, err := strconv.ParseFloat(text, 64)
		if !ok || !isText || err != nil {
			return nil, fmt.Errorf("query %s: %v is no value", expr, one.Value)
		}
		all = append(all, Sample{Labels: one.Metric, Value: v, At: time.UnixMilli(int64(seconds * 1000))})
	}
	return all, nil
}

// Alerts are those that are pending or firing now.
func (s *Server) Alerts(ctx context.Context) ([]Firing, error) {
	var got struct {
		Alerts []struct {
			Labels   map[string]string `json:"labels"`
			State    string            `json:"state"`
			ActiveAt time.Time         `json:"activeAt"`
		} `json:"alerts"`
	}
	if err := s.ask(ctx, "/api/v1/alerts", &got); err != nil {
		return nil, fmt.Errorf("ask for alerts: %w", err)
	}
	all := make([]Firing, 0, len(got.Alerts))
	for _, a := range got.Alerts {
		all = append(all, Firing{Name: a.Labels["alertname"], State: a.State, Severity: a.Labels["severity"], Since: a.ActiveAt, Labels: a.Labels})
	}
	return all, nil
}

// Up says of each job what the last scrape of one of its targets failed with; ""
// when all of them were scraped.
func (s *Server) Up(ctx context.Context) (map[string]string, error) {
	var got struct {
		Targets []struct {
			Labels    map[string]string `json:"labels"`
			Health    string            `json:"health"`
			LastError string            `json:"lastError"`
		} `json:"activeTargets"`
	}
	if err := s.ask(ctx, "/api/v1/targets?state=active", &got); err != nil {
		return nil, fmt.Errorf("ask for targets: %w", err)
	}
	up := map[string]string{}
	for _, t := range got.Targets {
		fault := t.LastError
		if t.Health != "up" && fault == "" {
			fault = "not scraped yet"
		}
		if job := t.Labels["job"]; up[job] == "" {
			up[job] = fault
		}
	}
	return up, nil
}

// ask reads the data of an answer of the API.
func (s *Server) ask(ctx context.Context, path string, data any) error {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, s.url+path, nil)
	if err != nil {
		return err
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return err
	}
	defer func() { _ = resp.Body.Close() }()
	var got struct {
		Status string          `json:"status"`
		Error  string          `json:"error"`
		Data   json.RawMessage `json:"data"`
	}
	if err := json.NewDecoder(resp.Body).Decode(&got); err != nil {
		return fmt.Errorf("status %d: %w", resp.StatusCode, err)
	}
	if got.Status != "success" {
		return fmt.Errorf("prometheus says: %s", got.Error)
	}
	return json.Unmarshal(got.Data, data)
}
