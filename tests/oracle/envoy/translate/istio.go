package main

import (
	"encoding/json"
	"fmt"
	"strings"
	"time"

	listener "github.com/envoyproxy/go-control-plane/envoy/config/listener/v3"
	// Messages that travel inside others are only printed when their type is linked.
	_ "github.com/envoyproxy/go-control-plane/envoy/extensions/path/match/uri_template/v3"
	"google.golang.org/protobuf/proto"
	meshconfig "istio.io/api/mesh/v1alpha1"
	"istio.io/istio/pilot/pkg/config/kube/crd"
	"istio.io/istio/pilot/pkg/model"
	"istio.io/istio/pilot/pkg/networking"
	authnplugin "istio.io/istio/pilot/pkg/networking/plugin/authn"
	authzplugin "istio.io/istio/pilot/pkg/networking/plugin/authz"
	"istio.io/istio/pkg/config"
	"istio.io/istio/pkg/config/mesh"
	"istio.io/istio/pkg/config/mesh/meshwatcher"
	"istio.io/istio/pkg/config/schema/collection"
	"istio.io/istio/pkg/config/schema/collections"
	"istio.io/istio/pkg/config/schema/kind"
	"istio.io/istio/pkg/util/protomarshal"
	"istio.io/istio/pkg/util/sets"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
)

// store gives Istio the objects of one case; of a configuration store it only ever lists.
type store struct {
	model.ConfigStore
	objects map[config.GroupVersionKind][]config.Config
}

func (s store) List(kind config.GroupVersionKind, _ string) []config.Config { return s.objects[kind] }
func (s store) Schemas() collection.Schemas                                 { return collections.Pilot }

// keys finds no key set but those written into a rule: the runner puts its own there.
var keys = model.NewJwksResolver(time.Hour, time.Hour, time.Hour, time.Hour)

func translate(c Case) (Filters, error) {
	filters := Filters{HTTP: []json.RawMessage{}, TCP: []json.RawMessage{}}
	meshConfig, err := readMesh(c.Mesh)
	if err != nil {
		return filters, err
	}
	objects := store{objects: map[config.GroupVersionKind][]config.Config{}}
	for _, text := range c.Objects {
		object, refused, err := readObject(text)
		if err != nil {
			return filters, err
		}
		filters.Refused = append(filters.Refused, refused...)
		objects.objects[object.GroupVersionKind] = append(objects.objects[object.GroupVersionKind], *object)
	}
	push := pushContext(meshConfig, objects)
	proxy := &model.Proxy{
		Type:            model.SidecarProxy,
		ConfigNamespace: c.Workload.Namespace,
		Labels:          c.Workload.Labels,
		Metadata:        &model.NodeMetadata{Namespace: c.Workload.Namespace, Labels: c.Workload.Labels},
	}

	// As pilot/pkg/networking/core has it: CUSTOM, then tokens, then AUDIT, DENY and ALLOW.
	custom := authzplugin.NewBuilder(authzplugin.Custom, push, proxy, asFilterState)
	local := authzplugin.NewBuilder(authzplugin.Local, push, proxy, asFilterState)
	authn := authnplugin.NewBuilder(push, proxy)
	inbound := networking.ListenerClassSidecarInbound
	http := custom.BuildHTTP(inbound)
	http = append(http, authn.BuildHTTP(inbound)...)
	http = append(http, local.BuildHTTP(inbound)...)
	for _, filter := range http {
		if filters.HTTP, err = printed(filters.HTTP, filter); err != nil {
			return filters, err
		}
	}
	tcp := append([]*listener.Filter{}, custom.BuildTCP()...)
	for _, filter := range append(tcp, local.BuildTCP()...) {
		if filters.TCP, err = printed(filters.TCP, filter); err != nil {
			return filters, err
		}
	}
	return filters, nil
}

func printed(filters []json.RawMessage, filter proto.Message) ([]json.RawMessage, error) {
	text, err := protomarshal.Marshal(filter)
	return append(filters, text), err
}

// pushContext computes what Istio's proxies share, as after a change of nothing but security objects: a first push would
// ask for services and routes, which no policy of a sidecar depends on.
func pushContext(meshConfig *meshconfig.MeshConfig, objects store) *model.PushContext {
	env := model.NewEnvironment()
	env.Watcher = watcher{mesh: meshConfig}
	env.ConfigStore = objects
	env.NetworksWatcher = meshwatcher.NewFixedNetworksWatcher(nil)
	env.Init()
	before := model.NewPushContext()
	before.InitDone.Store(true)
	push := model.NewPushContext()
	push.JwtKeyResolver = keys
	push.InitContext(env, before, &model.PushRequest{ConfigsUpdated: sets.New(
		model.ConfigKey{Kind: kind.AuthorizationPolicy},
		model.ConfigKey{Kind: kind.RequestAuthentication},
		model.ConfigKey{Kind: kind.PeerAuthentication},
	)})
	return push
}

// watcher is a mesh configuration that stays as it is.
type watcher struct {
	meshwatcher.WatcherCollection
	mesh *meshconfig.MeshConfig
}

func (w watcher) Mesh() *meshconfig.MeshConfig { return w.mesh }

func (w watcher) AddMeshHandler(func()) *mesh.WatcherHandlerRegistration { return nil }

// readMesh lays what a case says of its mesh over Istio's defaults. Path normalisation may be given by its bare name.
func readMesh(text json.RawMessage) (*meshconfig.MeshConfig, error) {
	if len(text) == 0 {
		return mesh.DefaultMeshConfig(), nil
	}
	var fields map[string]any
	if err := json.Unmarshal(text, &fields); err != nil {
		return nil, fmt.Errorf("mesh: %w", err)
	}
	if name, ok := fields["pathNormalization"].(string); ok {
		fields["pathNormalization"] = map[string]string{"normalization": name}
	}
	whole, err := json.Marshal(fields)
	if err != nil {
		return nil, fmt.Errorf("mesh: %w", err)
	}
	config, err := mesh.ApplyMeshConfigDefaults(string(whole))
	if err != nil {
		return nil, fmt.Errorf("mesh: %w", err)
	}
	return config, nil
}

// readObject reads a manifest as Istio does, unknown fields dropped, and asks the webhook about it.
func readObject(text json.RawMessage) (*config.Config, []string, error) {
	var object struct {
		APIVersion string            `json:"apiVersion"`
		Kind       string            `json:"kind"`
		Metadata   metav1.ObjectMeta `json:"metadata"`
		Spec       json.RawMessage   `json:"spec"`
	}
	if err := json.Unmarshal(text, &object); err != nil {
		return nil, nil, fmt.Errorf("not an object: %w", err)
	}
	name := fmt.Sprintf("%s %s/%s", object.Kind, object.Metadata.Namespace, object.Metadata.Name)
	version, err := schema.ParseGroupVersion(object.APIVersion)
	if err != nil {
		return nil, nil, fmt.Errorf("%s: %w", name, err)
	}
	known, found := collections.Pilot.FindByGroupVersionAliasesKind(config.GroupVersionKind{
		Group: version.Group, Version: version.Version, Kind: object.Kind,
	})
	if !found {
		return nil, nil, fmt.Errorf("%s: Istio does not know %s of %s", name, object.Kind, object.APIVersion)
	}
	if len(object.Spec) == 0 {
		object.Spec = json.RawMessage("{}")
	}
	spec, err := crd.FromJSON(known, string(object.Spec))
	if err != nil {
		return nil, nil, fmt.Errorf("%s: %w", name, err)
	}
	result := config.Config{
		Meta: config.Meta{
			GroupVersionKind:  known.GroupVersionKind(),
			Name:              object.Metadata.Name,
			Namespace:         object.Metadata.Namespace,
			Labels:            object.Metadata.Labels,
			Annotations:       object.Metadata.Annotations,
			CreationTimestamp: object.Metadata.CreationTimestamp.Time,
		},
		Spec: spec,
	}
	var refused []string
	if _, err := known.ValidateConfig(result); err != nil {
		refused = []string{name + ": " + strings.Join(strings.Fields(err.Error()), " ")}
	}
	return &result, refused, nil
}
