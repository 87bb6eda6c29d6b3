package main

import (
	"fmt"

	"k8s.io/apiextensions-apiserver/pkg/apis/apiextensions"
	apiextensionsv1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"sigs.k8s.io/yaml"
)

// kinds is every kind the imagined server knows: the built-in ones and those of the CustomResourceDefinitions given.
type kinds struct {
	custom map[schema.GroupVersionKind]*customKind
	mapper *meta.DefaultRESTMapper
}

// loadKinds reads the CustomResourceDefinitions in files; every version they serve becomes a kind.
func loadKinds(files []string) (*kinds, error) {
	k := &kinds{
		custom: map[schema.GroupVersionKind]*customKind{},
		mapper: meta.NewDefaultRESTMapper(nil),
	}
	for gvk, builtIn := range builtIns {
		k.mapper.AddSpecific(gvk, gvk.GroupVersion().WithResource(builtIn.resource), gvk.GroupVersion().WithResource(builtIn.resource), builtIn.scope())
	}
	for _, file := range files {
		documents, err := readDocuments(file)
		if err != nil {
			return nil, err
		}
		for _, d := range documents {
			if d.err != nil {
				return nil, fmt.Errorf("%s: %w", file, d.err)
			}
			if d.gvk() != apiextensionsv1.SchemeGroupVersion.WithKind("CustomResourceDefinition") {
				continue
			}
			if err := k.define(d); err != nil {
				return nil, fmt.Errorf("%s: %w", d.subject(), err)
			}
		}
	}
	return k, nil
}

func (k *kinds) define(d document) error {
	var crd apiextensionsv1.CustomResourceDefinition
	// Not strict: definitions carry fields newer and older than this library, and only their schemas are of interest.
	if err := yaml.Unmarshal(d.json, &crd); err != nil {
		return err
	}
	apiextensionsv1.SetDefaults_CustomResourceDefinition(&crd)
	scope := meta.RESTScope(meta.RESTScopeNamespace)
	if crd.Spec.Scope == apiextensionsv1.ClusterScoped {
		scope = meta.RESTScopeRoot
	}
	for _, version := range crd.Spec.Versions {
		if !version.Served {
			continue
		}
		gvk := schema.GroupVersionKind{Group: crd.Spec.Group, Version: version.Name, Kind: crd.Spec.Names.Kind}
		if version.Schema == nil {
			return fmt.Errorf("version %s has no schema", version.Name)
		}
		var internal apiextensions.CustomResourceValidation
		if err := apiextensionsv1.Convert_v1_CustomResourceValidation_To_apiextensions_CustomResourceValidation(version.Schema, &internal, nil); err != nil {
			return err
		}
		kind, err := newCustomKind(gvk, crd.Spec.Scope == apiextensionsv1.NamespaceScoped, &internal)
		if err != nil {
			return fmt.Errorf("version %s: %w", version.Name, err)
		}
		k.custom[gvk] = kind
		resource := gvk.GroupVersion().WithResource(crd.Spec.Names.Plural)
		k.mapper.AddSpecific(gvk, resource, gvk.GroupVersion().WithResource(crd.Spec.Names.Singular), scope)
	}
	return nil
}

// check returns everything the server would hold against an object. A kind nobody defined is a failure, never skipped.
func (k *kinds) check(d document) []string {
	gvk := d.gvk()
	if custom, found := k.custom[gvk]; found {
		return custom.check(d)
	}
	if builtIn, found := builtIns[gvk]; found {
		return builtIn.check(d, k)
	}
	return []string{fmt.Sprintf("kind: Unknown kind: %s is neither built in nor defined by a CustomResourceDefinition", gvk)}
}
