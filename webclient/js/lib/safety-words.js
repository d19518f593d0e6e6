// 256 words in each language for safety.js: easy to say on a bad line, and the same number means the same thing in both.
// Two words of a language differ in two letters at least; none is a number, a part of the body, or frightening.
// A word may be replaced only in both languages at once, and the order stays: two pages of a call may be of two versions.

const EN = `
  airplane almond alphabet apple aquarium artist astronaut autumn balloon banana barbecue bean beaver bicycle birch birthday
  blanket blueberry boot bottle bracelet brush buffalo butter butterfly cabbage cactus cake calendar candle carrot champion
  cheese cherry chimney chocolate cinema cinnamon circus clock coffee compass cookie corn cottage cricket crocodile cucumber
  curtain daisy dance desert diamond dinosaur dog dolphin dragon dragonfly drum duck egg elephant elevator engine
  envelope evening factory fence festival fire flag flamingo flute forest fox gallery garden ginger giraffe glasses
  glove gorilla grass guitar hammer hammock harvest hat hedgehog helicopter holiday honey horizon horse hotel iceberg
  island jacket jungle kangaroo kayak ketchup kettle kitchen kite koala ladder ladybug lamp lavender leaf leather
  lemon leopard library lighthouse lobster macaroni maple marathon market mattress melody microscope milk mirror monkey moose
  mountain mushroom mustard necklace newspaper oatmeal ocean olive onion opera orange orchard orchestra ostrich otter owl
  painter pancake panda paper parachute parade parsley passport peach peacock pebble pencil penguin perfume piano picnic
  picture pillow pineapple pizza planet potato pottery princess pumpkin puzzle pyjamas pyramid queen raccoon rain raspberry
  restaurant rhubarb ribbon river robot rocket rose salmon salt sandal satellite scarf school scissors sculpture seagull
  shadow shampoo sheep sidewalk silver sled snail snow soccer soup spaghetti spice spinach spoon spring squirrel
  stairs statue stone strawberry submarine sugar summer sunflower swallow sweater table telescope tennis tent theatre thunder
  ticket tiger tomato towel tractor treasure tree trout truck trumpet tulip tunnel turtle umbrella unicorn valley
  vanilla velvet veranda village vineyard violin volcano wagon waterfall whale windmill winter wizard wolf yogurt zebra
`;
const FR = `
  avion amande alphabet pomme aquarium artiste astronaute automne ballon banane barbecue haricot castor vélo bouleau anniversaire
  couverture bleuet botte bouteille bracelet brosse bison beurre papillon chou cactus gâteau calendrier bougie carotte champion
  fromage cerise cheminée chocolat cinéma cannelle cirque horloge café boussole biscuit maïs chalet grillon crocodile concombre
  rideau marguerite danse désert diamant dinosaure chien dauphin dragon libellule tambour canard œuf éléphant ascenseur moteur
  enveloppe soirée usine clôture festival feu drapeau flamant flûte forêt renard galerie jardin gingembre girafe lunettes
  gant gorille herbe guitare marteau hamac récolte chapeau hérisson hélicoptère vacances miel horizon cheval hôtel iceberg
  île veston jungle kangourou kayak ketchup bouilloire cuisine cerf-volant koala échelle coccinelle lampe lavande feuille cuir
  citron léopard bibliothèque phare homard macaroni érable marathon marché matelas mélodie microscope lait miroir singe orignal
  montagne champignon moutarde collier journal gruau océan olive oignon opéra orange verger orchestre autruche loutre hibou
  peintre crêpe panda papier parachute défilé persil passeport pêche paon caillou crayon pingouin parfum piano pique-nique
  image oreiller ananas pizza planète patate poterie princesse citrouille casse-tête pyjama pyramide reine raton pluie framboise
  restaurant rhubarbe ruban rivière robot fusée rose saumon sel sandale satellite foulard école ciseaux sculpture goéland
  ombre shampoing mouton trottoir argent traîneau escargot neige soccer soupe spaghetti épice épinard cuillère printemps écureuil
  escalier statue pierre fraise sous-marin sucre été tournesol hirondelle chandail table télescope tennis tente théâtre tonnerre
  billet tigre tomate serviette tracteur trésor arbre truite camion trompette tulipe tunnel tortue parapluie licorne vallée
  vanille velours véranda village vignoble violon volcan wagon cascade baleine éolienne hiver magicien loup yogourt zèbre
`;

/** @type {Record<"en" | "fr", string[]>} */
export const WORDS = { en: EN.trim().split(/\s+/), fr: FR.trim().split(/\s+/) };
