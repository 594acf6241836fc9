//! From a stack file to programs: everything that can be refused is refused here, before anything is started.

use std::collections::BTreeMap;
use std::net::{SocketAddr, TcpListener};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use nines_model::problem::Problem;
use nines_model::{Gateway, Object, Resource, document};

use super::Error;
use super::program::{Port, Program, free_port};
use super::stack::{ReadyCheck, Restart, ServiceSpec, Stack, default_namespace};

/// What will run.
#[derive(Debug)]
pub(crate) struct Plan {
    pub(crate) stack: Stack,
    pub(crate) control: SocketAddr,
    pub(crate) admin: SocketAddr,
    pub(crate) resources: Vec<ResourceFile>,
    pub(crate) programs: Vec<Program>,
}

/// A file of resources, read and checked.
#[derive(Debug)]
pub(crate) struct ResourceFile {
    pub(crate) path: PathBuf,
    pub(crate) text: String,
    pub(crate) resources: Vec<Resource>,
}

/// Where a stack keeps its state.
#[derive(Debug)]
pub(crate) struct Layout {
    pub(crate) data_dir: PathBuf,
}

impl Layout {
    pub(crate) fn logs(&self) -> PathBuf {
        self.data_dir.join("logs")
    }

    fn access_log(&self) -> PathBuf {
        self.logs().join("access.log")
    }

    fn state_of(&self, process: &str) -> PathBuf {
        self.data_dir.join("run").join(process)
    }
}

impl Plan {
    /// Reads the stack and its resources, finds every command and port.
    pub(crate) fn make(file: &Path, layout: &Layout, nines: &Path) -> Result<Self, Error> {
        let stack = read_stack(file)?;
        let folder = file.parent().unwrap_or(Path::new("."));
        let resources = stack
            .resources
            .iter()
            .map(|path| ResourceFile::read(&folder.join(path)));
        let resources = resources.collect::<Result<Vec<_>, _>>()?;
        let control = claim("control.listen", stack.control.listen)?;
        let admin = claim("gateway.admin", stack.gateway.admin)?;
        check_listeners(&resources)?;
        let mut gateway = gateway_program(nines, layout, &stack, control, admin);
        if gateways(&resources).next().is_none() {
            // It has nothing to listen on until somebody applies a Gateway.
            gateway.ready_path = Some("/livez".into());
        }
        let mut programs = vec![control_program(nines, layout, control), gateway];
        for service in &stack.services {
            let path = find_command(service, folder, nines)?;
            programs.extend((1..=service.replicas).map(|n| service_program(service, n, &path, layout, control)));
        }
        Ok(Self {
            stack,
            control,
            admin,
            resources,
            programs,
        })
    }

    /// All that the stack's processes write.
    pub(crate) fn logs(&self, layout: &Layout) -> Vec<PathBuf> {
        let logs = self.programs.iter().map(|program| program.log.clone());
        logs.chain([layout.access_log()]).collect()
    }
}

impl ResourceFile {
    fn read(path: &Path) -> Result<Self, Error> {
        let text = read(path)?;
        let resources = document::parse(&text, Some(&path.display().to_string())).map_err(Error::Broken)?;
        Ok(Self {
            path: path.into(),
            text,
            resources,
        })
    }
}

fn read_stack(file: &Path) -> Result<Stack, Error> {
    let source = file.display().to_string();
    let stack: Stack = document::decode(&read(file)?, Some(&source)).map_err(Error::Broken)?;
    let mistakes = stack.validate();
    if mistakes.is_empty() {
        return Ok(stack);
    }
    let problem = |(path, message)| Problem {
        source: Some(source.clone()),
        line: None,
        column: None,
        path,
        message,
    };
    Err(Error::Broken(mistakes.into_iter().map(problem).collect()))
}

fn read(path: &Path) -> Result<String, Error> {
    std::fs::read_to_string(path).map_err(|error| Error::Unreadable {
        path: path.into(),
        reason: error.to_string(),
    })
}

/// The address itself if it is free, a free port in place of port 0.
fn claim(field: &str, address: SocketAddr) -> Result<SocketAddr, Error> {
    if address.port() == 0 {
        let port = free_port().map_err(|error| Error::NoPort(error.to_string()))?;
        return Ok(SocketAddr::new(address.ip(), port));
    }
    match TcpListener::bind(address) {
        Ok(_) => Ok(address),
        Err(error) => Err(Error::PortTaken {
            field: field.into(),
            address,
            reason: error.to_string(),
        }),
    }
}

fn gateways(files: &[ResourceFile]) -> impl Iterator<Item = &Object<Gateway>> {
    let resources = files.iter().flat_map(|file| &file.resources);
    resources.filter_map(|resource| match resource {
        Resource::Gateway(gateway) => Some(gateway),
        _ => None,
    })
}

fn check_listeners(files: &[ResourceFile]) -> Result<(), Error> {
    for gateway in gateways(files) {
        let loopback = [std::net::IpAddr::from([127, 0, 0, 1])];
        let named: Vec<_> = gateway
            .spec
            .addresses
            .iter()
            .filter_map(|address| address.value.parse().ok())
            .collect();
        let addresses = if named.is_empty() { &loopback[..] } else { &named };
        for listener in gateway.spec.listeners.iter().filter(|listener| listener.port != 0) {
            let field = format!("listener {} of Gateway {}", listener.name, gateway.metadata.name);
            for address in addresses {
                claim(&field, SocketAddr::new(*address, listener.port))?;
            }
        }
    }
    Ok(())
}

/// With a slash: relative to the stack file. Without: beside the `nines` binary, then in PATH.
fn find_command(service: &ServiceSpec, folder: &Path, nines: &Path) -> Result<PathBuf, Error> {
    let command = &service.command;
    let (places, place) = if command.contains('/') {
        let path = folder.join(command);
        let place = format!("at {}", path.display());
        (vec![path], place)
    } else {
        let beside = nines.parent().map(Path::to_path_buf);
        let path = std::env::var_os("PATH").unwrap_or_default();
        let folders = beside.into_iter().chain(std::env::split_paths(&path));
        (
            folders.map(|folder| folder.join(command)).collect(),
            "beside the nines binary or in PATH".into(),
        )
    };
    let found = places
        .into_iter()
        .find(|path| is_program(path))
        .and_then(|path| path.canonicalize().ok());
    found.ok_or_else(|| Error::NoCommand {
        service: service.name.clone(),
        command: command.clone(),
        place,
    })
}

fn is_program(path: &Path) -> bool {
    std::fs::metadata(path).is_ok_and(|metadata| metadata.is_file() && metadata.permissions().mode() & 0o111 != 0)
}

fn control_program(nines: &Path, layout: &Layout, listen: SocketAddr) -> Program {
    let data_dir = layout.state_of("control").display().to_string();
    let args = [
        "server".into(),
        "--listen".into(),
        listen.to_string(),
        "--data-dir".into(),
        data_dir,
    ];
    own_program("control", nines, layout, args.into(), listen.port(), Vec::new())
}

fn gateway_program(nines: &Path, layout: &Layout, stack: &Stack, control: SocketAddr, admin: SocketAddr) -> Program {
    let data_dir = layout.state_of("gateway").display().to_string();
    let mut args: Vec<String> = ["proxy", "--server"].map(String::from).into();
    args.push(format!("http://{control}"));
    args.extend(["--admin".into(), admin.to_string(), "--data-dir".into(), data_dir]);
    args.extend(["--access-log".into(), layout.access_log().display().to_string()]);
    if let Some(workers) = stack.gateway.workers {
        args.extend(["--workers".into(), workers.to_string()]);
    }
    own_program("gateway", nines, layout, args, admin.port(), vec!["control".into()])
}

fn own_program(
    name: &str,
    nines: &Path,
    layout: &Layout,
    args: Vec<String>,
    port: u16,
    depends_on: Vec<String>,
) -> Program {
    Program {
        name: name.into(),
        group: name.into(),
        path: nines.into(),
        args,
        env: BTreeMap::new(),
        port: Port::Fixed(port),
        ready_path: Some("/readyz".into()),
        ready_timeout: ReadyCheck::default().timeout,
        depends_on,
        restart: Restart::Always,
        stop_timeout: Duration::from_secs(35),
        log: layout.logs().join(format!("{name}.log")),
    }
}

fn service_program(service: &ServiceSpec, number: u32, path: &Path, layout: &Layout, control: SocketAddr) -> Program {
    let name = format!("{}-{number}", service.name);
    let labels: Vec<String> = service
        .labels
        .iter()
        .map(|(key, value)| format!("{key}={value}"))
        .collect();
    let mut env = BTreeMap::from([
        ("NINES_SERVER".into(), format!("http://{control}")),
        ("NINES_NAMESPACE".into(), default_namespace()),
        ("NINES_INSTANCE_ID".into(), name.clone()),
        ("NINES_LABELS".into(), labels.join(",")),
        ("NINES_LOG_FORMAT".into(), "json".into()),
        ("NINES_DATA_DIR".into(), layout.state_of(&name).display().to_string()),
    ]);
    env.extend(service.env.clone());
    let depends_on = std::iter::once("control".into())
        .chain(service.depends_on.iter().cloned())
        .collect();
    Program {
        log: layout.logs().join(format!("{name}.log")),
        name,
        group: service.name.clone(),
        path: path.into(),
        args: service.args.clone(),
        env,
        port: Port::Picked,
        ready_path: service.ready.http.clone(),
        ready_timeout: service.ready.timeout,
        depends_on,
        restart: service.restart,
        stop_timeout: service.stop_timeout,
    }
}
