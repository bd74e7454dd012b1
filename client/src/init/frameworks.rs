//! The ports that frameworks take when nobody says otherwise, and how they are
//! told another one: by a variable, or by a flag alone.

use portlease_proto::Port;

use super::{Found, WEB};

/// A framework, by the name of its package.
pub(super) struct Framework {
    package: &'static str,
    port: u16,
    told: Told,
}

/// How a framework is told its port.
enum Told {
    /// It reads this variable by itself.
    By(&'static str),
    /// Programs made with it read this one by custom.
    ByCustom(&'static str),
    /// By these arguments alone.
    Flag(&'static str),
}
use Told::{By, ByCustom, Flag};

const fn of(package: &'static str, port: u16, told: Told) -> Framework {
    Framework { package, port, told }
}

/// Of several in one project the first is what listens: what builds pages on
/// top of Vite comes before it, and libraries for servers come last.
pub(super) const NPM: &[Framework] = &[
    of("next", 3000, By("PORT")),
    of("nuxt", 3000, By("PORT")),
    of("react-scripts", 3000, By("PORT")),
    of("astro", 4321, Flag("astro dev --port {port}")),
    of("@react-router/dev", 5173, Flag("react-router dev --port {port}")),
    of("@angular/cli", 4200, Flag("ng serve --port {port}")),
    of("@docusaurus/core", 3000, Flag("docusaurus start --port {port}")),
    of("@rsbuild/core", 3000, Flag("rsbuild dev --port {port}")),
    of("vite", 5173, Flag("vite --port {port} --strictPort")),
    of("parcel", 1234, By("PORT")),
    of("webpack-dev-server", 8080, By("WEBPACK_DEV_SERVER_BASE_PORT")),
    of("expo", 8081, By("RCT_METRO_PORT")),
    of("wrangler", 8787, Flag("wrangler dev --port {port}")),
    of("http-server", 8080, Flag("http-server -p {port}")),
    of("serve", 3000, Flag("serve -p {port}")),
    of("express", 3000, ByCustom("PORT")),
    of("fastify", 3000, ByCustom("PORT")),
    of("koa", 3000, ByCustom("PORT")),
    of("hono", 3000, ByCustom("PORT")),
];

pub(super) const PYTHON: &[Framework] = &[
    of("django", 8000, Flag("python manage.py runserver {port}")),
    of("streamlit", 8501, By("STREAMLIT_SERVER_PORT")),
    of("flask", 5000, By("FLASK_RUN_PORT")),
    of("uvicorn", 8000, By("UVICORN_PORT")),
    of("fastapi", 8000, By("UVICORN_PORT")),
    of("gunicorn", 8000, By("PORT")),
];

pub(super) const RUBY: &[Framework] = &[of("rails", 3000, By("PORT")), of("sinatra", 4567, By("PORT"))];

pub(super) const RUST: &[Framework] = &[
    of("rocket", 8000, By("ROCKET_PORT")),
    of("axum", 3000, ByCustom("PORT")),
    of("actix-web", 8080, ByCustom("PORT")),
    of("warp", 3030, ByCustom("PORT")),
];

pub(super) const GO: &[Framework] = &[
    of("github.com/gin-gonic/gin", 8080, By("PORT")),
    of("github.com/labstack/echo", 1323, ByCustom("PORT")),
    of("github.com/gofiber/fiber", 3000, ByCustom("PORT")),
    of("github.com/go-chi/chi", 3000, ByCustom("PORT")),
];

/// The first framework that is among the packages which a file names.
pub(super) fn among(frameworks: &[Framework], file: &str, names: impl Fn(&str) -> bool) -> Option<Found> {
    let framework = frameworks.iter().find(|framework| names(framework.package))?;
    let Framework { package, port, told } = framework;
    let (env, note) = match told {
        By(variable) => (Some(*variable), None),
        ByCustom(variable) => {
            (Some(*variable), Some(format!("let the server take its port from {variable}")))
        }
        Flag(command) => (None, Some(format!("it takes no variable: portlease run -- {command}"))),
    };
    Some(Found {
        service: WEB.to_owned(),
        prefer: Port::new(*port),
        env: env.map(str::to_owned),
        notes: [format!("{file}: {package}")].into_iter().chain(note).collect(),
        ..Found::default()
    })
}
