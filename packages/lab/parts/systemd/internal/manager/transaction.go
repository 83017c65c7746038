package manager

import (
	"fmt"
	"slices"
	"sync"

	"meshlift.dev/lab/parts/systemd/internal/control"
	"meshlift.dev/lab/parts/systemd/internal/journal"
	"meshlift.dev/lab/parts/systemd/internal/unit"
)

// systemctl's exit codes.
const (
	exitFailure      = 1
	exitNotFound     = 5
	exitNotRunning   = 3
	exitNotPermitted = 4
)

// start starts units and all that they pull in, and waits until the named ones are up or have failed.
func (m *Manager) start(names []string, noBlock bool) []control.Result {
	plan := unit.Plan(names, func(name string) *unit.Unit { return m.definition(m.get(name)) })
	for _, note := range plan.Notes {
		m.log(journal.Warning, "", "%s", note)
	}
	ended := map[string]chan struct{}{}
	failures := map[string]error{}
	var mu sync.Mutex
	for name := range plan.Jobs {
		ended[name] = make(chan struct{})
	}
	for name, job := range plan.Jobs {
		go func() {
			defer close(ended[name])
			err := m.runJob(job, ended, func(other string) error {
				mu.Lock()
				defer mu.Unlock()
				return failures[other]
			})
			mu.Lock()
			failures[name] = err
			mu.Unlock()
		}()
	}
	var results []control.Result
	for _, name := range names {
		n := m.get(name)
		u := m.definition(n)
		result := control.Result{Unit: name, Stale: m.stale(n)}
		switch {
		case u.Load == unit.NotFound:
			result.Error, result.Code = fmt.Sprintf("Failed to start %s: %s", name, u.Error), exitNotFound
		case u.Load != unit.Loaded:
			result.Error, result.Code = fmt.Sprintf("Failed to start %s: %s", name, u.Error), exitFailure
		case noBlock:
		default:
			<-ended[n.name]
			mu.Lock()
			if err := failures[n.name]; err != nil {
				result.Error, result.Code = err.Error(), exitFailure
			}
			mu.Unlock()
		}
		results = append(results, result)
	}
	return results
}

// runJob waits for its turn and starts one unit.
func (m *Manager) runJob(job *unit.Job, ended map[string]chan struct{}, failure func(string) error) error {
	name := job.Unit.Name
	if job.Unit.Load != unit.Loaded {
		return fmt.Errorf("Failed to start %s: %s", name, job.Unit.Error)
	}
	for _, earlier := range job.After {
		<-ended[earlier]
	}
	n := m.get(name)
	if isUp(m.state(n)) {
		return nil
	}
	for _, required := range job.Requires {
		// Without an order between them both start at once, and only a failure known by now counts.
		if failure(required) != nil {
			m.log(journal.Warning, name, "Dependency failed for %s - %s.", name, m.definition(n).Description())
			return fmt.Errorf("A dependency job for %s failed. See 'journalctl -xe' for details.", name)
		}
	}
	switch unit.TypeOf(name) {
	case "target":
		m.set(n, "active", "active")
		m.log(journal.Info, name, "Reached target %s - %s.", name, m.definition(n).Description())
		return nil
	case "service":
		for _, other := range m.definition(n).Dependencies().Conflicts {
			if against := m.get(other); against.service != nil && !isDown(m.state(against)) {
				m.stop([]string{other})
			}
		}
		return n.service.ask(verbStart)
	}
	return fmt.Errorf("Failed to start %s: this machine's service manager runs services and targets only.", name)
}

// stop stops units and everything that can't be without them: later ones first.
func (m *Manager) stop(names []string) []control.Result {
	var results []control.Result
	stopping := map[string]*node{}
	for _, name := range names {
		n := m.get(name)
		result := control.Result{Unit: name, Stale: m.stale(n)}
		if m.definition(n).Load == unit.NotFound && isDown(m.state(n)) {
			result.Error, result.Code = fmt.Sprintf("Failed to stop %s: Unit %s not loaded.", name, name), exitNotFound
		} else {
			m.collectDependents(n, stopping)
		}
		results = append(results, result)
	}
	m.stopAll(stopping)
	return results
}

// collectDependents adds a unit and all that require it or are part of it.
func (m *Manager) collectDependents(n *node, into map[string]*node) {
	if into[n.name] != nil {
		return
	}
	into[n.name] = n
	m.mu.Lock()
	var dependents []*node
	for _, other := range m.nodes {
		if isDown(other.active) && !(other.service != nil && other.service.busy) {
			continue
		}
		d := other.unit.Dependencies()
		for _, needed := range slices.Concat(d.Requires, d.BindsTo, d.PartOf) {
			if real, ok := m.aliases[needed]; needed == n.name || ok && real == n.name {
				dependents = append(dependents, other)
			}
		}
	}
	m.mu.Unlock()
	for _, other := range dependents {
		m.collectDependents(other, into)
	}
}

// stopAll stops nodes at the same time, but for each only after those that were started after it.
func (m *Manager) stopAll(nodes map[string]*node) {
	ended := map[string]chan struct{}{}
	for name := range nodes {
		ended[name] = make(chan struct{})
	}
	waits := m.stopOrder(nodes)
	for name, n := range nodes {
		go func() {
			defer close(ended[name])
			for _, earlier := range waits[name] {
				<-ended[earlier]
			}
			if n.service != nil {
				// Stopping always ends, in SIGKILL if need be; there is no failure to report.
				_ = n.service.ask(verbStop)
			} else if isUp(m.state(n)) {
				m.set(n, "inactive", "dead")
				m.log(journal.Info, name, "Stopped target %s - %s.", name, m.definition(n).Description())
			}
		}()
	}
	for _, done := range ended {
		<-done
	}
}

// stopOrder says for each unit which ones must have stopped before it: those that start after it. The edges of an
// ordering cycle are left out.
func (m *Manager) stopOrder(nodes map[string]*node) map[string][]string {
	waits := map[string][]string{}
	reaches := func(from, to string) bool {
		seen := map[string]bool{}
		var visit func(string) bool
		visit = func(name string) bool {
			if name == to {
				return true
			}
			if seen[name] {
				return false
			}
			seen[name] = true
			return slices.ContainsFunc(waits[name], visit)
		}
		return visit(from)
	}
	add := func(name, first string) {
		if nodes[name] != nil && nodes[first] != nil && name != first && !reaches(first, name) {
			waits[name] = append(waits[name], first)
		}
	}
	for name, n := range nodes {
		d := m.definition(n).Dependencies()
		for _, earlier := range d.After {
			add(earlier, name)
		}
		for _, later := range d.Before {
			add(name, later)
		}
	}
	return waits
}
