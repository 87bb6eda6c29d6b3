// Command network decides connections under policies of the network, for the verifier to be held against.
//
// In come cases, one JSON object a line; out comes one line a case, in the same order, with a verdict for each connection:
// allow, deny, or either where two orders of policies of one priority differ. NetworkPolicies are decided by cyclonus, a
// simulator of network plugins, and label selectors by Kubernetes' own code; the tiers around them are read here once more.
package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"os"
	"runtime"
	"sync"
)

// Case is a cluster, its policies, and connections.
type Case struct {
	ID          string                       `json:"id"`
	Namespaces  map[string]map[string]string `json:"namespaces"`
	Pods        map[string]Pod               `json:"pods"`
	Objects     []json.RawMessage            `json:"objects"`
	Connections []Connection                 `json:"connections"`
}

// Pod is a pod and its address.
type Pod struct {
	Labels  map[string]string `json:"labels"`
	Address string            `json:"address"`
	Ports   map[string]int    `json:"ports"`
}

// Connection goes from a pod or a block of one address to a pod.
type Connection struct {
	From string `json:"from"`
	To   string `json:"to"`
	Port int    `json:"port"`
}

// Answer is the answer to a case.
type Answer struct {
	ID       string   `json:"id"`
	Verdicts []string `json:"verdicts"`
}

func main() {
	if err := run(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func run() error {
	lines := bufio.NewScanner(os.Stdin)
	lines.Buffer(nil, 64<<20)
	var cases []Case
	for lines.Scan() {
		var one Case
		if err := json.Unmarshal(lines.Bytes(), &one); err != nil {
			return err
		}
		cases = append(cases, one)
	}
	if err := lines.Err(); err != nil {
		return err
	}
	answers, errs := make([]Answer, len(cases)), make([]error, len(cases))
	next := make(chan int)
	var workers sync.WaitGroup
	for range runtime.NumCPU() {
		workers.Go(func() {
			for at := range next {
				answers[at].ID = cases[at].ID
				answers[at].Verdicts, errs[at] = decide(&cases[at])
			}
		})
	}
	for at := range cases {
		next <- at
	}
	close(next)
	workers.Wait()
	out := json.NewEncoder(os.Stdout)
	for at, answer := range answers {
		if errs[at] != nil {
			return fmt.Errorf("%s: %w", answer.ID, errs[at])
		}
		if err := out.Encode(answer); err != nil {
			return err
		}
	}
	return nil
}
