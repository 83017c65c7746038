package unit

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
)

// service is a unit file with a [Unit] section as given.
func service(settings string) string {
	return "[Unit]\nDefaultDependencies=no\n" + settings + "\n[Service]\nExecStart=/bin/true\n"
}

func planOf(t *testing.T, roots []string, files map[string]string) Transaction {
	t.Helper()
	paths := map[string]string{}
	for name, text := range files {
		paths["/etc/systemd/system/"+name] = text
	}
	l := tree(t, paths)
	return Plan(roots, l.Load)
}

// sequence lists the jobs in an order that respects After, alphabetically where there is a choice.
func sequence(plan Transaction) string {
	var done []string
	for len(done) < len(plan.Jobs) {
		before := len(done)
		for _, name := range slices.Sorted(maps.Keys(plan.Jobs)) {
			ready := !slices.Contains(done, name)
			for _, earlier := range plan.Jobs[name].After {
				ready = ready && slices.Contains(done, earlier)
			}
			if ready {
				done = append(done, name)
				break
			}
		}
		if len(done) == before {
			return fmt.Sprintf("stuck after %v", done)
		}
	}
	return strings.ReplaceAll(strings.Join(done, " "), ".service", "")
}

func TestWantsAndRequiresPullUnitsInAndAfterAndBeforeOrderThem(t *testing.T) {
	plan := planOf(t, []string{"a.service"}, map[string]string{
		"a.service": service("Wants=b.service\nRequires=c.service\nAfter=b.service c.service"),
		"b.service": service("After=z.service"),
		"c.service": service("Before=b.service"),
		"z.service": service(""),
	})
	if got := sequence(plan); got != "c b a" {
		t.Fatalf("got %q", got)
	}
	if got := plan.Jobs["a.service"].Requires; !slices.Equal(got, []string{"c.service"}) {
		t.Fatalf("got %q", got)
	}
}

func TestATargetComesAfterWhatItPullsIn(t *testing.T) {
	plan := planOf(t, []string{"main.target"}, map[string]string{
		"main.target":                    "[Unit]\n",
		"main.target.wants/a.service":    "->../a.service",
		"a.service":                      service("Before=b.service"),
		"main.target.wants/b.service":    "->../b.service",
		"b.service":                      service(""),
		"main.target.wants/late.service": "->../late.service",
		"late.service":                   service("After=main.target"),
	})
	if got := sequence(plan); got != "a b main.target late" {
		t.Fatalf("got %q", got)
	}
}

func TestServicesComeAfterTheBasicSystem(t *testing.T) {
	plan := planOf(t, []string{"a.service"}, map[string]string{
		"a.service":      "[Service]\nExecStart=/bin/true\n",
		"sysinit.target": "[Unit]\nDefaultDependencies=no\n",
	})
	if got := sequence(plan); got != "sysinit.target a" {
		t.Fatalf("got %q", got)
	}
}

func TestWantedUnitsThatDoNotExistAreLeftOutAndRequiredOnesStayToFail(t *testing.T) {
	plan := planOf(t, []string{"a.service"}, map[string]string{
		"a.service": service("Wants=nowhere.service\nRequires=missing.service"),
	})
	if got := slices.Sorted(maps.Keys(plan.Jobs)); !slices.Equal(got, []string{"a.service", "missing.service"}) {
		t.Fatalf("got %q", got)
	}
	if got := plan.Jobs["missing.service"].Unit.Load; got != NotFound {
		t.Fatalf("got %s", got)
	}
}

func TestAnAliasIsOneUnit(t *testing.T) {
	plan := planOf(t, []string{"a.service"}, map[string]string{
		"a.service":    service("Wants=sshd.service ssh.service\nAfter=sshd.service"),
		"ssh.service":  service(""),
		"sshd.service": "->ssh.service",
	})
	if got := sequence(plan); got != "ssh a" {
		t.Fatalf("got %q", got)
	}
}

func TestAnOrderingCycleLosesAUnitThatIsMerelyWanted(t *testing.T) {
	plan := planOf(t, []string{"a.service"}, map[string]string{
		"a.service": service("Requires=b.service\nWants=c.service\nAfter=b.service"),
		"b.service": service("After=c.service"),
		"c.service": service("After=a.service"),
	})
	if got := sequence(plan); got != "b a" {
		t.Fatalf("got %q", got)
	}
	if len(plan.Notes) != 1 || !strings.Contains(plan.Notes[0], "c.service") {
		t.Fatalf("got %q", plan.Notes)
	}
}

func TestACycleOfRequiredUnitsLosesAnOrderInstead(t *testing.T) {
	plan := planOf(t, []string{"a.service"}, map[string]string{
		"a.service": service("Requires=b.service\nAfter=b.service"),
		"b.service": service("Requires=a.service\nAfter=a.service"),
	})
	if got := sequence(plan); strings.Contains(got, "stuck") || len(plan.Jobs) != 2 || len(plan.Notes) != 1 {
		t.Fatalf("got %q, notes %q", got, plan.Notes)
	}
}
