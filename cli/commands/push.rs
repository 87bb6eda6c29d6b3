//! `push`: signed artifacts go to a registry.
//!
//! First the blobs, then what names them, the name of the cluster last: nobody who asks by it ever finds less than all of it. What
//! others signed stays: where the registry keeps no list of referrers itself, ours are added to the one that is there.

use std::path::{Path, PathBuf};

use ringfence_signing::artifact::MANIFEST;
use ringfence_signing::layout::{Descriptor, INDEX, Layout};
use ringfence_signing::verify::{Trust, artifact};
use ringfence_signing::{legacy, referrers};
use serde_json::Value;

use super::{keys_of, settings, verify};
use crate::args::Push;
use crate::console;
use crate::exit::{Exit, Failure};
use crate::registry::Registry;
use crate::signing::layout;

/// Runs the command.
pub(super) fn run(args: &Push) -> Result<Exit, Failure> {
    let here = || settings(Path::new("."));
    let repository = match &args.repository {
        Some(repository) => repository.clone(),
        None => here()?.delivery.and_then(|delivery| delivery.oci).map(|oci| oci.url).ok_or_else(|| {
            Failure::new("no registry to push to")
                .help("name one, or say `delivery: {oci: {url: …}}` in `ringfence.yaml`")
        })?,
    };
    let registry = Registry::open(&repository, args.plain_http)?;
    let folder: PathBuf = match &args.layout {
        Some(folder) => folder.clone(),
        None => here()?.output.join(layout::FOLDER),
    };
    let layout = layout::read(&folder)?;
    let names: Vec<String> = layout.names().filter(|name| !name.starts_with("sha256-")).map(str::to_owned).collect();
    if names.is_empty() {
        return Err(Failure::no_input(format!("`{}` holds no artifact", folder.display()))
            .help("`ringfence compile --sign KEY` writes some"));
    }
    if let Some(name) = args.cluster.iter().find(|name| !names.contains(name)) {
        return Err(Failure::new(format!("`{}` holds no artifact of cluster `{name}`", folder.display()))
            .did_you_mean(name, names.iter().map(String::as_str)));
    }
    let keys = here().ok().and_then(|settings| settings.delivery).map_or_else(|| Ok(Vec::new()), |it| keys_of(&it))?;
    if keys.is_empty() {
        console::note(
            "ringfence: whose signatures these are was not looked at: no project here names a key in `delivery.trust.cosign`",
        );
    }
    let today = verify::today()?;
    let trust = Trust { keys: &keys, today: &today, newest: None };
    for name in names.iter().filter(|name| args.cluster.is_empty() || args.cluster.contains(name)) {
        // Whoever asks by the name of a cluster is to get that one's, and such as is accepted there.
        let checked = match keys.is_empty() {
            true => artifact::belongs(name, &layout),
            false => artifact::check(name, &layout, &trust).map(drop),
        };
        if let Err(refusals) = checked {
            let why: Vec<String> = refusals.iter().map(ToString::to_string).collect();
            return Err(Failure::new(format!("`{name}` is not pushed: {}", why.join("; ")))
                .help("`ringfence compile --sign KEY` writes it anew"));
        }
        let digest = push(&registry, &layout, name)?;
        console::print(&format!("{name}: {repository}@{digest}\n"))?;
    }
    Ok(Exit::Clean)
}

/// Pushes one artifact with what refers to it.
fn push(registry: &Registry, layout: &Layout, name: &str) -> Result<String, Failure> {
    let subject = layout.named(name).ok_or_else(|| broken(name))?;
    let digest = subject.digest.to_string();
    upload(registry, layout, &subject)?;
    // What refers to it needs it to be there, under its digest at first.
    registry.put(&digest, &subject, blob(layout, &subject)?)?;
    let list_name = referrers::list_name(&subject.digest);
    if let Some(list) = layout.named(&list_name) {
        let index: Value = serde_json::from_slice(blob(layout, &list)?).map_err(|_| broken(&list_name))?;
        let entries: Vec<Value> = index.get("manifests").and_then(Value::as_array).cloned().unwrap_or_default();
        let mut is_listed = true;
        let mut ours = Vec::new();
        for entry in entries {
            let descriptor = Descriptor::read(&entry).ok_or_else(|| broken(&list_name))?;
            // What others put on the list in the layout need not be in it.
            let Some(bytes) = layout.blob(&descriptor.digest) else { continue };
            upload(registry, layout, &descriptor)?;
            is_listed &= registry.put(&descriptor.digest.to_string(), &descriptor, bytes)?;
            ours.push(entry);
        }
        if !is_listed {
            let there = registry.manifest(&list_name)?;
            let index = referrers::merge(there.as_deref(), &ours).map_err(Failure::new)?;
            registry.put(&list_name, &Descriptor::of(INDEX, &index), &index)?;
        }
    }
    let old = legacy::name(&subject.digest);
    if let Some(image) = layout.named(&old) {
        let mut there = registry.manifest(&old)?;
        for signature in legacy::signatures(layout, &image) {
            let image = legacy::append(there.as_deref(), &signature).map_err(Failure::new)?;
            for bytes in [&signature.payload, &image.config] {
                registry.upload(&ringfence_signing::digest::Digest::of(bytes), bytes)?;
            }
            registry.put(&old, &Descriptor::of(MANIFEST, &image.manifest), &image.manifest)?;
            there = Some(image.manifest);
        }
    }
    registry.put(name, &subject, blob(layout, &subject)?)?;
    Ok(digest)
}

/// Uploads what a manifest names.
fn upload(registry: &Registry, layout: &Layout, manifest: &Descriptor) -> Result<(), Failure> {
    let value: Value = serde_json::from_slice(blob(layout, manifest)?).map_err(|_| broken("a manifest"))?;
    let parts = value.get("layers").and_then(Value::as_array).into_iter().flatten().chain(value.get("config"));
    for part in parts {
        let part = Descriptor::read(part).ok_or_else(|| broken("a manifest"))?;
        registry.upload(&part.digest, blob(layout, &part)?)?;
    }
    Ok(())
}

fn blob<'l>(layout: &'l Layout, descriptor: &Descriptor) -> Result<&'l [u8], Failure> {
    layout.blob(&descriptor.digest).ok_or_else(|| broken(&descriptor.digest.to_string()))
}

fn broken(what: &str) -> Failure {
    Failure::new(format!("`{what}` is missing in the layout, or not what its digest says"))
        .help("`ringfence compile --sign KEY` writes it anew")
}
