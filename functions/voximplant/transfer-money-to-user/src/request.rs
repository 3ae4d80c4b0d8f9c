//! The parameters of a transfer, and the order that is made of them.

use shared::features::voximplant::{Selection, USERS, one_application, users_by_name};
use shared::ids::{AccountId, ApplicationId, PhoneUserId};
use shared::ledger::{MAX_DESCRIPTION_CHARS, Money, Texts};
use shared::prelude::*;
use shared::store::ledger::operation::OperationId;
use shared::store::ledger::transfer::TransferOrder;
use shared::store::voximplant::{accounts, applications, payees, rates};
use shared::voximplant::{Currency, Parameter, Refusal};
use shared::wire::voximplant::{Bool, Error, IdList, Ids, SemicolonList, Text};

/// Smallest amount, in ten-thousandths: 0.01.
const SMALLEST: i64 = 100;
const UNKNOWN_CURRENCY: Refusal = Refusal::Invalid(Parameter("currency"));

/// Its parameters.
#[derive(Debug, Deserialize, JsonSchema)]
pub struct Request {
    /// The users, by id, separated by semicolons; `all` means every user with a balance of its own.
    user_id: Option<IdList>,
    /// The users, by name, separated by semicolons. Needs the application.
    user_name: Option<SemicolonList<Text>>,
    /// The users' application. Required with `user_name`; narrows `all`.
    application_id: Option<Ids>,
    /// The short or full name of the application. Can be used instead of `application_id`.
    application_name: Option<Text>,
    /// To each user; from each user if negative. At least 0.01 either way, at most 4 decimals.
    amount: Text,
    /// The currency of `amount`. Default: the account's.
    currency: Option<Text>,
    /// Whether the transfer is refused whole if someone has not enough money; otherwise each payer gives what it has.
    /// Default: true.
    strict_mode: Option<Bool>,
    /// What the users' statements say, in fewer than 120 characters. Default: `From account` / `To account`.
    #[schemars(length(max = MAX_DESCRIPTION_CHARS))]
    user_transaction_description: Option<Text>,
    /// What the account's statement says, in fewer than 120 characters; `${user_id}` and `${user_name}` stand for each
    /// user. Default: `To user: ${user_name}` / `From user: ${user_name}`.
    #[schemars(length(max = MAX_DESCRIPTION_CHARS))]
    account_transaction_description: Option<Text>,
}

/// Makes the order of a request.
pub(crate) async fn order(
    request: Request,
    ctx: &Ctx,
    account: AccountId,
    operation: OperationId,
) -> Result<TransferOrder, Error> {
    let asked = amount(&request.amount)?;
    let texts = texts(asked, request.account_transaction_description, request.user_transaction_description)?;
    let selection = USERS.required(request.user_id, request.user_name, PhoneUserId::new)?;
    let application = one_application(request.application_id, request.application_name)?;
    if application.is_none() && matches!(selection, Selection::Names(_)) {
        return Err(Refusal::Missing("application_id").into());
    }
    let application = async {
        match &application {
            Some(application) => Ok(Some(application.resolve(ctx.store(), account).await?)),
            None => Ok(None),
        }
    };
    let (application, (amount, rate)) = try_join!(application, converted(ctx, account, asked, request.currency))?;
    let all = selection == Selection::All;
    Ok(TransferOrder {
        account,
        operation,
        users: chosen(ctx, account, selection, application).await?,
        all,
        application,
        amount,
        strict: request.strict_mode.is_none_or(|flag| flag.0),
        texts,
        rate,
        now: ctx.now(),
    })
}

fn amount(text: &Text) -> Result<Money, Refusal> {
    let amount = Money::parse(&text.0).map_err(|_| Refusal::InvalidAmount)?;
    let units = amount.units().ok_or(Refusal::InvalidAmount)?;
    if units.unsigned_abs() < SMALLEST.unsigned_abs() { Err(Refusal::InvalidAmount) } else { Ok(amount) }
}

fn texts(amount: Money, account: Option<Text>, user: Option<Text>) -> Result<Texts, Refusal> {
    let default = Texts::by_direction(if amount.is_positive() { 1 } else { -1 });
    let account = account.map_or(default.account, |text| text.0);
    let user = user.map_or(default.user, |text| text.0);
    if !Texts::fits(&account) {
        Err(Refusal::AccountDescriptionTooLong)
    } else if !Texts::fits(&user) {
        Err(Refusal::UserDescriptionTooLong)
    } else {
        Ok(Texts { account, user })
    }
}

/// The amount in the account's currency, and the rate if it was given in another one (decision D7).
async fn converted(
    ctx: &Ctx,
    account: AccountId,
    amount: Money,
    currency: Option<Text>,
) -> Result<(i64, Option<String>), Error> {
    let units = |amount: Money| amount.units().filter(|units| *units != 0).ok_or(Refusal::InvalidAmount);
    let Some(currency) = currency else {
        return Ok((units(amount)?, None));
    };
    let given = Currency::parse(&currency.0).ok_or(UNKNOWN_CURRENCY)?;
    let own = accounts::find(ctx.store(), account).await?.ok_or(UNKNOWN_CURRENCY)?.currency;
    if given == own {
        return Ok((units(amount)?, None));
    }
    let rate = rates::find(ctx.store(), &given, &own).await?.ok_or(UNKNOWN_CURRENCY)?;
    let converted = rate.convert(amount).ok_or(Refusal::InvalidAmount)?;
    Ok((units(converted)?, Some(format!("1 {given} = {rate} {own}"))))
}

/// The ids of the chosen users. Whether they exist is checked when their balances are read.
async fn chosen(
    ctx: &Ctx,
    account: AccountId,
    selection: Selection<PhoneUserId>,
    application: Option<ApplicationId>,
) -> Result<Vec<PhoneUserId>, Error> {
    match selection {
        Selection::Ids(ids) => Ok(ids),
        Selection::Names(names) => {
            let application = application.ok_or(Refusal::Missing("application_id"))?;
            users_by_name(ctx.store(), account, application, &names).await
        }
        Selection::All => {
            let applications = match application {
                Some(application) => vec![application],
                None => applications::list(ctx.store(), account).await?.iter().map(|one| one.id).collect(),
            };
            Ok(payees::all(ctx.store(), account, &applications).await?)
        }
    }
}
