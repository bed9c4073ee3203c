//! `capconduit user`: lets the first person in, and the last admin who has lost the second factor. The password comes from a prompt,
//! from standard input or is made here; never from an argument, which every user of the machine could read.

use std::io::{IsTerminal, Read};
use std::process::ExitCode;

use anyhow::{Context, Result, anyhow, bail};
use clap::Subcommand;

use crate::access::{self, password, secret};
use crate::database::{self, DatabaseArgs};
use crate::http::text::composed;
use crate::resources::users::objects::{USERNAME_LENGTH, is_email};
use capconduit_core::names;

const INSERT: &str = "\
    insert into capconduit.users (username, email, password_hash, role, full_name)
    values ($1, $2, $3, 'admin', $4) returning id";

const REMOVE_SECOND_FACTOR: &str = "\
    delete from capconduit.second_factors f using capconduit.users u
     where u.id = f.user_id and lower(u.username) = lower($1) and f.confirmed_at is not null";

#[derive(Debug, clap::Args)]
pub struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Create an account with the role admin. Connect as capconduit_admin or as the database's owner.
    CreateAdmin(CreateAdmin),
    /// Take away the second factor of a user who has lost it, such as the only admin. Connect as create-admin does.
    RemoveSecondFactor(RemoveSecondFactor),
}

#[derive(Debug, clap::Args)]
struct CreateAdmin {
    #[command(flatten)]
    database: DatabaseArgs,
    /// 3 to 80 characters.
    #[arg(long)]
    username: String,
    #[arg(long)]
    email: String,
    #[arg(long)]
    full_name: Option<String>,
    /// Read the password from the first line of standard input instead of asking for it.
    #[arg(long, conflicts_with = "generate_password")]
    password_stdin: bool,
    /// Make a password and print it, once.
    #[arg(long)]
    generate_password: bool,
}

#[derive(Debug, clap::Args)]
struct RemoveSecondFactor {
    #[command(flatten)]
    database: DatabaseArgs,
    #[arg(long)]
    username: String,
}

pub async fn run(args: Args) -> Result<ExitCode> {
    match args.command {
        Command::RemoveSecondFactor(args) => remove_second_factor(args).await,
        Command::CreateAdmin(args) => create_admin(args).await,
    }
}

async fn create_admin(args: CreateAdmin) -> Result<ExitCode> {
    let username = composed(args.username.trim());
    let (least, most) = USERNAME_LENGTH.into_inner();
    if !USERNAME_LENGTH.contains(&username.chars().count()) {
        bail!("--username must have {least} to {most} characters");
    }
    names::check(&username, false).map_err(|text| anyhow!("--username: {text}"))?;
    let full_name = args.full_name.as_deref().map(composed);
    names::check(full_name.as_deref().unwrap_or_default(), false)
        .map_err(|text| anyhow!("--full-name: {text}"))?;
    let email = composed(args.email.trim());
    is_email(&email).map_err(|text| anyhow!("--email: {text}"))?;
    let mut address = args.database.config()?;
    address.application_name("capconduit user");
    let (client, _driver) = database::connect(&address).await?;
    let (password, generated) = choose_password(&args)?;
    let hash =
        password::hash(&password).map_err(|error| anyhow!("the password cannot be hashed: {error}"))?;
    let row = client
        .query_one(INSERT, &[&username, &email, &hash, &full_name])
        .await
        .map_err(explain)?;
    println!("admin {username} created with id {}", row.get::<_, i64>(0));
    if generated {
        println!("password: {password}");
    }
    Ok(ExitCode::SUCCESS)
}

async fn remove_second_factor(args: RemoveSecondFactor) -> Result<ExitCode> {
    let mut address = args.database.config()?;
    address.application_name("capconduit user");
    let (client, _driver) = database::connect(&address).await?;
    let username = composed(args.username.trim());
    let removed = client
        .execute(REMOVE_SECOND_FACTOR, &[&username])
        .await
        .context("is the database migrated, and is this its administrator's login?")?;
    if removed == 0 {
        bail!("no user {username} has a second factor");
    }
    println!("{username} logs in with the password alone; all its sessions have ended");
    Ok(ExitCode::SUCCESS)
}

fn choose_password(args: &CreateAdmin) -> Result<(String, bool)> {
    let (password, generated) = if args.generate_password {
        (secret::random()?, true)
    } else if args.password_stdin {
        let mut text = String::new();
        std::io::stdin()
            .take(4096)
            .read_to_string(&mut text)
            .context("cannot read the password")?;
        (text.lines().next().unwrap_or_default().to_owned(), false)
    } else if std::io::stdin().is_terminal() {
        let password = rpassword::prompt_password("password: ")?;
        if rpassword::prompt_password("again: ")? != password {
            bail!("the two passwords differ");
        }
        (password, false)
    } else {
        bail!("no terminal to ask for a password: use --password-stdin or --generate-password");
    };
    let (least, most) = access::password::LENGTH.into_inner();
    if !access::password::LENGTH.contains(&password.chars().count()) {
        bail!("the password must have {least} to {most} characters");
    }
    Ok((password, generated))
}

fn explain(error: tokio_postgres::Error) -> anyhow::Error {
    match error.as_db_error().and_then(|db| db.constraint()) {
        Some("users_username_key") => anyhow!("this username exists already"),
        Some("users_email_key") => anyhow!("this email address exists already"),
        _ => anyhow::Error::new(error).context(
            "cannot create the account: is the database migrated, and is this its administrator's login?",
        ),
    }
}
