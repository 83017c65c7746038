package unit

import (
	"slices"
	"sort"
)

// Dependencies of a unit, with the ones that systemd adds by default.
type Dependencies struct {
	Wants, Requires, BindsTo, Requisite, PartOf, Conflicts, After, Before []string
}

// Dependencies reads what a unit depends on.
func (u *Unit) Dependencies() Dependencies {
	d := Dependencies{
		Wants:     append(u.Words("Unit", "Wants"), u.linkedWants...),
		Requires:  append(u.Words("Unit", "Requires"), u.linkedRequires...),
		BindsTo:   u.Words("Unit", "BindsTo"),
		Requisite: u.Words("Unit", "Requisite"),
		PartOf:    u.Words("Unit", "PartOf"),
		Conflicts: u.Words("Unit", "Conflicts"),
		After:     u.Words("Unit", "After"),
		Before:    u.Words("Unit", "Before"),
	}
	d.Wants = append(d.Wants, u.Words("Unit", "Upholds")...)
	if !u.Flag("Unit", "DefaultDependencies", true) {
		return d
	}
	switch TypeOf(u.Name) {
	case "target":
		// A target is reached once everything it pulls in is up, unless that says it comes later.
		d.After = append(d.After, d.Wants...)
		d.After = append(d.After, d.Requires...)
	case "service":
		d.Requires = append(d.Requires, "sysinit.target")
		d.After = append(d.After, "sysinit.target", "basic.target")
	}
	return d
}

// Job is one unit of a start transaction.
type Job struct {
	Unit *Unit
	// After names the jobs of the same transaction that must have ended before this one begins.
	After []string
	// Requires names those that must have succeeded, too.
	Requires []string
}

// Transaction is everything that starting some units starts.
type Transaction struct {
	Jobs map[string]*Job
	// Notes say what was left out to break an ordering cycle.
	Notes []string
}

// Plan works out what starting the named units pulls in, and in which order. load is asked once per name.
// Wanted units that don't exist are left out; required ones stay in, to fail.
func Plan(names []string, load func(string) *Unit) Transaction {
	plan := Transaction{Jobs: map[string]*Job{}}
	alias := map[string]string{} // every name that was asked for, to the name of the unit it is
	dependencies := map[string]Dependencies{}
	needed := map[string]bool{} // reached from the roots by requirements alone

	var add func(name string, required bool)
	add = func(name string, required bool) {
		if real, seen := alias[name]; seen {
			if job := plan.Jobs[real]; job != nil && required && !needed[real] {
				needed[real] = true
				for _, next := range requirements(dependencies[real]) {
					add(next, true)
				}
				return
			}
			if plan.Jobs[real] != nil || !required {
				return
			}
		}
		u := load(name)
		alias[name], alias[u.Name] = u.Name, u.Name
		if plan.Jobs[u.Name] != nil {
			return
		}
		if u.Load != Loaded && !required {
			return
		}
		plan.Jobs[u.Name] = &Job{Unit: u}
		needed[u.Name] = required
		if u.Load != Loaded {
			return
		}
		d := u.Dependencies()
		dependencies[u.Name] = d
		for _, next := range requirements(d) {
			add(next, required)
		}
		for _, next := range d.Wants {
			add(next, false)
		}
	}
	for _, name := range names {
		add(name, true)
	}

	resolve := func(name string) (string, bool) {
		if real, ok := alias[name]; ok {
			name = real
		}
		_, ok := plan.Jobs[name]
		return name, ok
	}
	edges := map[string]map[string]bool{}
	link := func(later, earlier string) {
		if later == earlier {
			return
		}
		if edges[later] == nil {
			edges[later] = map[string]bool{}
		}
		edges[later][earlier] = true
	}
	for name, d := range dependencies {
		for _, other := range d.Before {
			if other, ok := resolve(other); ok {
				link(other, name)
			}
		}
	}
	for name, d := range dependencies {
		for _, other := range d.After {
			other, ok := resolve(other)
			if !ok {
				continue
			}
			// A target's default order yields to what the unit itself says.
			implied := TypeOf(name) == "target" && !slices.Contains(plan.Jobs[name].Unit.Words("Unit", "After"), other)
			if implied && edges[other][name] {
				continue
			}
			if implied && slices.Contains(dependencies[other].After, name) {
				continue
			}
			link(name, other)
		}
		for _, other := range requirements(d) {
			if other, ok := resolve(other); ok {
				plan.Jobs[name].Requires = append(plan.Jobs[name].Requires, other)
			}
		}
	}

	breakCycles(&plan, edges, needed)
	for name, job := range plan.Jobs {
		for earlier := range edges[name] {
			if plan.Jobs[earlier] != nil {
				job.After = append(job.After, earlier)
			}
		}
		sort.Strings(job.After)
		sort.Strings(job.Requires)
	}
	return plan
}

func requirements(d Dependencies) []string {
	return slices.Concat(d.Requires, d.BindsTo, d.Requisite)
}

// breakCycles drops a unit that is merely wanted from each ordering cycle, as systemd does; a cycle of required units
// loses one of its orderings instead, so that the machine still boots.
func breakCycles(plan *Transaction, edges map[string]map[string]bool, needed map[string]bool) {
	for {
		cycle := findCycle(plan, edges)
		if cycle == nil {
			return
		}
		dropped := false
		for _, name := range cycle {
			if !needed[name] {
				plan.Notes = append(plan.Notes, "Found ordering cycle on "+cycle[0]+"; job "+name+
					"/start deleted to break it")
				delete(plan.Jobs, name)
				dropped = true
				break
			}
		}
		if !dropped {
			plan.Notes = append(plan.Notes, "Found ordering cycle; "+cycle[0]+" doesn't wait for "+cycle[1])
			delete(edges[cycle[0]], cycle[1])
		}
	}
}

// findCycle gives the names along one cycle, each waiting for the next, or nil.
func findCycle(plan *Transaction, edges map[string]map[string]bool) []string {
	const (
		unseen = iota
		open
		done
	)
	state := map[string]int{}
	var path []string
	var visit func(name string) []string
	visit = func(name string) []string {
		state[name] = open
		path = append(path, name)
		for _, next := range sortedKeys(edges[name]) {
			if plan.Jobs[next] == nil {
				continue
			}
			switch state[next] {
			case open:
				return append(slices.Clone(path[slices.Index(path, next):]), next)
			case unseen:
				if cycle := visit(next); cycle != nil {
					return cycle
				}
			}
		}
		state[name] = done
		path = path[:len(path)-1]
		return nil
	}
	for _, name := range sortedKeys(plan.Jobs) {
		if state[name] == unseen {
			if cycle := visit(name); cycle != nil {
				return cycle
			}
		}
	}
	return nil
}
