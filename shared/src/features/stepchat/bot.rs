//! Makes the bot, for the two methods that do so.

use crate::context::Ctx;
use crate::ids::UserId;
use crate::stepchat::{ImageUrl, Name, NewUser, User, UserType};
use crate::store::Sequence;
use crate::store::auth::TokenHash;
use crate::store::stepchat::users::Secrets;
use crate::wire::stepchat::Error;

/// The bot's name until it is given another (reference/stepchat.md §3.4).
const NAME: &str = "Bot";

/// A bot that is not stored yet.
pub async fn new_bot(ctx: &Ctx, name: Option<Name>, image: Option<ImageUrl>) -> Result<(User, Secrets), Error> {
    let id = ctx.store().next_id(Sequence::StepchatUser, UserId::new).await?;
    let default = Name::parse(NAME)?;
    let new = NewUser {
        first_name: Some(name.unwrap_or_else(|| default.clone())),
        last_name: Some(Name::parse("")?),
        profile_image: image,
        user_type: Some(UserType::Bot),
        ..NewUser::default()
    };
    let bot = new.into_user(id, ctx.now(), &default, 0);
    let token = TokenHash::of(&ctx.tokens().of(id, bot.token_version));
    Ok((bot, Secrets { password: None, token }))
}
